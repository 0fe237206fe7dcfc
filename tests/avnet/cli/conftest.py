"""Tiny models, media and an index for the tests of the command `avnet`."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from flax import nnx
from PIL import Image

from avnet.cli.main import main
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.correspondence.network import build
from avnet.media import write_video, write_wav

RATE = 48_000


@pytest.fixture(scope="session")
def load_once():
    """Every call of the command opens its model anew; this gives the same one, so that it compiles once."""
    return functools.cache(Model.load)


@pytest.fixture(scope="module", autouse=True)
def compile_once(load_once):
    """Lets the command use `load_once`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Model, "load", load_once)
        yield


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Tiny models with random weights, by network."""
    place = tmp_path_factory.mktemp("models")
    card = "# Card\n\n## Data\nnone\n\n## Metrics\n| metric | value |\n\n## Limits\nall\n"
    for network in ("ave", "avol", "l3"):
        config = replace(ModelConfig.small(network), image_size=32, widths=(4, 4, 8, 8), embedding_size=8)
        Model(config, build(config, rngs=nnx.Rngs(0))).save(place / network, card)
    return place


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """A folder with a video (3 s, its last second silent), an image, a sound, silence and a file of junk."""
    place = tmp_path_factory.mktemp("media")
    rng = np.random.default_rng(0)
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)).astype(np.float32)
    tone[2 * RATE - 4096 :] = 0  # what the encoder spreads stays before the last second
    images = [np.full((48, 80, 3), 8 * i, np.uint8) for i in range(30)]
    for i, image in enumerate(images):
        image[10:30, i : i + 20] = rng.integers(0, 255, (20, 20, 3))
    write_video(place / "video.mp4", images, 10.0, tone)
    Image.fromarray(rng.integers(0, 255, (40, 60, 3), np.uint8)).save(place / "photo.png")
    write_wav(place / "noise.wav", rng.normal(0, 0.1, 2 * RATE), RATE)
    write_wav(place / "silence.wav", np.zeros(RATE), RATE)
    (place / "junk.mp4").write_bytes(rng.bytes(3000))
    (place / "notes.txt").write_text("not media")
    return place


@pytest.fixture
def run(capsys):
    """Runs `avnet` with arguments; gives exit code, stdout and stderr."""

    def call(*args):
        try:
            main([str(arg) for arg in args])
            code = 0
        except SystemExit as error:
            code = error.code or 0
        output = capsys.readouterr()
        return code, output.out, output.err

    return call


@pytest.fixture
def refusal_of(run):
    """Runs `avnet` and gives the one line of its refusal."""

    def call(*args):
        code, out, err = run(*args)
        lines = [line for line in err.splitlines() if line.startswith("error: ")]
        assert (code, out, len(lines)) == (2, "", 1), (code, out, err)
        return lines[0]

    return call


@pytest.fixture(scope="session")
def index_folder(models, media, tmp_path_factory):
    """An index of the media folder."""
    place = tmp_path_factory.mktemp("index") / "index"
    main(["index", str(models / "ave"), str(place), str(media)])
    return place
