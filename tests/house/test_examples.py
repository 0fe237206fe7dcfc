"""Examples in docstrings: every public name has one, and all are run on tiny files of the names that they use."""

import doctest
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import numpy as np
import pytest
from media.films import film
from one_of_each import SAVE, save_text_describer
from PIL import Image
from random_networks import random_audio_backbone, random_network, random_tagger

import avnet
from avnet.apps.index import index_files
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.export import folder as export
from avnet.media import write_wav

NAMES = [name for name in avnet.__all__ if name != "__version__"]
ROOT = Path(avnet.__file__).parent
MODULES = [
    module.name
    for module in walk_packages(avnet.__path__, "avnet.")
    if not module.ispkg and ">>> " in (ROOT.parent / (module.name.replace(".", "/") + ".py")).read_text()
]


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory) -> Path:
    """What the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    rng = np.random.default_rng(0)
    film(folder / "video.mp4", 0, 1.5)
    for number in range(4):
        film(folder / "Videos" / f"film_{number}.mp4", number, 1.5)
    for name in ("dog.jpg", "garden.jpg"):
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)).save(folder / name)
    write_wav(folder / "bark.wav", rng.normal(0, 0.1, 96_000), 48_000)
    shutil.copy(world.source / "0_0.wav", folder / "recording.wav")
    for network in ("ave", "avol"):
        config = replace(ModelConfig.small(network), image_size=32, widths=(4, 4, 8, 8), embedding_size=128)
        Model(config, random_network(config)).save(folder / "runs" / network / "model", "# Card\n")
    random_audio_backbone().save(folder / "audio-backbone")
    random_tagger().save(folder / "runs" / "tagger" / "model")
    save_text_describer(folder / "runs" / "words" / "model")
    SAVE["show and speak"](folder / "runs" / "direct" / "model")
    model = avnet.load(folder / "runs" / "ave" / "model")
    index_files(model, folder / "index", [folder / "Videos"])
    export.write(folder / "exported", model.network, model.fingerprint)
    places = {"backbone": world.backbone, "units": world.units}
    places |= {"runs/speech/model": world.space, "runs/describer/model": world.model}
    for name, source in places.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(source)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_public_name_has_an_example(name):
    assert ">>> " in (getattr(avnet, name).__doc__ or "")


def test_public_names_are_told_to_editors_too():
    assert set(NAMES) <= set(dir(avnet)) and avnet.__version__
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        avnet.colour  # noqa: B018


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_a_module_are_right(module, folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {"avnet": avnet, "np": np} | vars(import_module(module))
    runner, report = doctest.DocTestRunner(), []
    for test in doctest.DocTestFinder().find(import_module(module), module, globs=names):
        runner.run(test, out=report.append)
    results = runner.summarize(verbose=False)
    assert results.attempted and not results.failed, "".join(report)
