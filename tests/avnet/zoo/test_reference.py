"""How models are named, and those that come with avnet: a stand-in in a folder of the test."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from random_networks import random_network

import avnet
from avnet.apps.info import info
from avnet.cli.model_argument import ModelFirst
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import AvnetError
from avnet.files.artifact import HEADER, WEIGHTS, read_header
from avnet.files.kinds import MODEL
from avnet.files.weights import arrays_of
from avnet.zoo import shipped
from avnet.zoo.reference import BASE, locate

SHIPPED, LARGEST = shipped.ROOT, 30e6


def write_sums(root: Path) -> None:
    files = sorted(file for file in root.rglob("*") if file.is_file() and file.name != shipped.SUMS)
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(root)}\n" for file in files]
    (root / shipped.SUMS).write_text("".join(lines))


@pytest.fixture(scope="module")
def model():
    config = replace(ModelConfig.small("ave"), image_size=32, widths=(4, 4, 8, 8), embedding_size=8)
    return Model(config, random_network(config))


@pytest.fixture
def root(tmp_path, model, monkeypatch):
    """A tiny model by the name of the one that comes with avnet, in float16; the current folder is empty."""
    root = tmp_path / "models"
    model.save(root / BASE, "# Card\n", precision="float16")
    write_sums(root)
    monkeypatch.setattr(shipped, "ROOT", root)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return root


@pytest.mark.skipif(not SHIPPED.is_dir(), reason="no model is in this checkout")
def test_models_that_come_with_avnet_are_whole_and_small():
    files = [file for file in SHIPPED.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= LARGEST
    assert shipped.names() == [BASE]
    assert avnet.load().fingerprint == read_header(shipped.check(BASE), MODEL).fingerprint
    listed = {SHIPPED / name for name in shipped._sums()}
    assert listed | {SHIPPED / shipped.SUMS} == set(files), "in avnet/models: sha256sum base/* > SHA256SUMS"


def test_name_opens_the_model_that_comes_with_avnet(root, model):
    assert type(avnet.load()) is type(avnet.load("base")) is type(Model.load("base")) is Model
    assert avnet.load().fingerprint == read_header(root / BASE, MODEL).fingerprint
    assert str(locate()) == f"base, SHA-256 {avnet.load().fingerprint[:12]}"
    facts = info("base").facts
    assert facts["model"] == "base (version 2)" and facts["folder"] == str(root / BASE)
    assert facts[f"SHA-256 of {WEIGHTS}"] == hashlib.sha256((root / BASE / WEIGHTS).read_bytes()).hexdigest()


def test_weights_in_float16_are_half_as_large_and_float32_when_opened(root, model, tmp_path):
    halves, wholes = arrays_of(avnet.load().network), arrays_of(model.network)
    for name, array in wholes.items():
        assert halves[name].dtype == np.float32
        np.testing.assert_array_equal(halves[name], array.astype(np.float16))
    model.save(tmp_path / "whole")
    sizes = [(folder / WEIGHTS).stat().st_size for folder in (root / BASE, tmp_path / "whole")]
    assert sizes[0] < 0.7 * sizes[1]


def test_path_that_exists_is_a_path_and_so_is_one_with_a_slash(root, model):
    with pytest.raises(AvnetError, match=r"^base: does not exist$"):
        avnet.load("./base")
    other = Model(model.config, random_network(model.config, seed=1))
    other.save("base")
    assert avnet.load("base").fingerprint == other.fingerprint == avnet.load(Path("base")).fingerprint
    with pytest.raises(AvnetError, match=r"^bass: does not exist$"):
        avnet.load("bass")


@pytest.mark.parametrize("name", [HEADER, WEIGHTS, "README.md"])
def test_one_bit_that_flipped_in_a_model_that_comes_with_avnet_is_one_line(root, name):
    content = bytearray((root / BASE / name).read_bytes())
    content[len(content) // 2] ^= 1
    (root / BASE / name).write_bytes(content)
    with pytest.raises(AvnetError, match=f"base/{name}: is damaged: it has another SHA-256"):
        avnet.load("base")
    (root / BASE / name).unlink()
    with pytest.raises(AvnetError, match=name if name != HEADER else "comes without a model"):
        avnet.load("base")


@pytest.mark.parametrize("line", ["", "0  base/x", f"{'0' * 64}  ../x", f"{'0' * 64}  /etc/x", f"{'0' * 64}  base/é"])
def test_damaged_sums_are_one_line(root, line):
    with (root / shipped.SUMS).open("a") as sums:
        sums.write(f"{line}\n")
    with pytest.raises(AvnetError, match=f"{shipped.SUMS}: is missing or damaged"):
        avnet.load("base")
    (root / shipped.SUMS).write_text("")
    with pytest.raises(AvnetError, match=f"is not in {shipped.SUMS}"):
        avnet.load("base")


def test_no_model_that_comes_with_avnet_is_one_line(root, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "ROOT", tmp_path / "nowhere")
    with pytest.raises(AvnetError, match=r"^base: does not exist, and this copy of avnet comes without"):
        avnet.load()


class OnePlace(ModelFirst):
    places = 1


def test_model_may_stand_first_where_it_can_be_nothing_else(root, model, tmp_path):
    model.save("model")
    Path("video.mp4").touch()
    Path("empty").mkdir()
    for first in ("base", "model", "hf://user/model", "./model"):
        assert ModelFirst.in_full([first, "video.mp4"]) == ["--model", first, "video.mp4"]
        assert OnePlace.in_full([first, "--k", "1"]) == ["--model", first, "--k", "1"]
    for first in ("video.mp4", "empty", "nowhere", "base/", "x" * 5000, "a\0b"):
        assert ModelFirst.in_full([first, "video.mp4"]) == [first, "video.mp4"]
        assert OnePlace.in_full([first, "--out", "x"]) == [first, "--out", "x"]
        # There is one place for two, so the first is the model, and refused if it is none.
        assert OnePlace.in_full([first, "video.mp4"]) == ["--model", first, "video.mp4"]
    assert ModelFirst.in_full(["model", "--model", "base"]) == ["model", "--model", "base"]
    assert ModelFirst.in_full([]) == [] and ModelFirst.in_full(["--help"]) == ["--help"]
