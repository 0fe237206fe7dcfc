import os

import numpy as np
import pytest
from flax import nnx

from avnet.correspondence.model import Model
from avnet.correspondence.network import build
from avnet.media import write_video


def commands(models, media, built, path):
    return {
        "info": ["info", path],
        "embed": ["embed", models / "ave", path, "--out", media / "never.npz"],
        "index": ["index", models / "ave", built.parent / "another", path],
        "search": ["search", models / "ave", built, "--image", path],
        "search sound": ["search", models / "ave", built, "--sound", path],
        "localize": ["localize", models / "avol", path, "--out", media / "never"],
        "localize sound": ["localize", models / "avol", media / "photo.png", "--sound", path, "--out", media / "never"],
    }


NAMES = ["info", "embed", "index", "search", "search sound", "localize", "localize sound"]


@pytest.mark.parametrize("name", NAMES)
def test_missing_file_address_and_junk_are_refused(refused, models, media, built, name):
    assert "no such file" in refused(*commands(models, media, built, media / "none.mp4")[name])
    line = refused(*commands(models, media, built, "https://host.org/a.mp4")[name])
    assert line.startswith("error: https://host.org/a.mp4: is an address")
    assert "junk.mp4: " in refused(*commands(models, media, built, media / "junk.mp4")[name])
    assert not (media / "never.npz").exists()


@pytest.mark.parametrize("name", NAMES)
def test_folder_without_media_is_refused(refused, models, media, built, tmp_path, name):
    assert refused(*commands(models, media, built, tmp_path)[name]).startswith(f"error: {tmp_path}")


@pytest.mark.parametrize("name", ["artifact.json", "weights.safetensors"])
def test_model_folder_that_lacks_a_file_is_refused(refused, models, media, built, tmp_path, name):
    broken = tmp_path / "model"
    broken.mkdir()
    for file in (models / "ave").iterdir():
        if file.name != name:
            (broken / file.name).write_bytes(file.read_bytes())
    for command in (["info", broken], ["search", broken, built, "--image", media / "photo.png"]):
        line = refused(*command)
        assert name in line


def test_models_that_cannot_do_it_are_refused(refused, models, media, built, tmp_path):
    video = media / "video.mp4"
    for network in ("ave", "l3"):
        assert "has no heatmap" in refused("localize", models / network, video, "--out", tmp_path)
    for network in ("avol", "l3"):
        assert "trained with 'ave'" in refused("index", models / network, tmp_path / "index", video)
        assert "trained with 'ave'" in refused("search", models / network, built, "--image", media / "photo.png")
    assert "no single embedding" in refused("embed", models / "avol", video, "--out", tmp_path / "e.npz")
    assert os.listdir(tmp_path) == []


def test_index_of_another_model_is_refused(refused, models, media, built, tmp_path):
    config = Model.load(models / "ave").config
    Model(config, build(config, rngs=nnx.Rngs(1))).save(tmp_path / "other")
    assert "another model" in refused("search", tmp_path / "other", built, "--image", media / "photo.png")
    assert "another model" in refused("index", tmp_path / "other", built, media)
    assert "is not an index" in refused("search", models / "ave", media, "--image", media / "photo.png")
    assert "not empty" in refused("index", models / "ave", media, media)


@pytest.mark.parametrize(
    "args, words",
    [
        (["frobnicate"], "frobnicate"),
        ([], "see --help"),
        (["info"], "PATH"),
        (["info", "x", "--colour"], "--colour"),
        (["search", "m", "i"], "exactly one of"),
        (["search", "m", "i", "--image", "a", "--sound", "b"], "exactly one of"),
        (["search", "m", "i", "--image", "a", "--at", "1"], "--at"),
        (["search", "m", "i", "--image", "a", "--k", "0"], "--k"),
        (["search", "m", "i", "--image", "a", "--per-file", "-1"], "--per-file"),
        (["search", "m", "i", "--image", "a", "--html", "page.txt"], "page.txt"),
        (["search", "m", "i", "--image", "a", "--html", "no/such/folder/page.html"], "does not exist"),
        (["embed", "m", "f"], "--out"),
        (["embed", "m", "f", "--out", "e.csv"], "ends in .npz"),
        (["embed", "m", "f", "--out", "e.npz", "--every", "0"], "--every"),
        (["index", "m", "i"], "INPUTS"),
        (["localize", "m", "v", "--out", "o", "--fps", "0"], "--fps"),
        (["localize", "m", "v", "--out", "o", "--threshold", "1.5"], "--threshold"),
        (["localize", "m", "v", "--out", "o", "--short-side", "1"], "--short-side"),
    ],
)
def test_wrong_options_are_refused(refused, args, words):
    assert words in refused(*args)


def test_times_and_sounds_that_are_not_there_are_refused(refused, models, media, built, tmp_path):
    search = ["search", models / "ave", built]
    assert "0.00 to 3.00 s, got 9" in refused(*search, "--video", media / "video.mp4", "--at", 9)
    assert "got -1" in refused(*search, "--sound", media / "noise.wav", "--at", -1)
    assert "is silent" in refused(*search, "--sound", media / "silence.wav")
    assert "is silent at 2.50 s" in refused(*search, "--sound", media / "video.mp4", "--at", 2.5)
    assert "no video track" in refused(*search, "--video", media / "noise.wav")
    assert "is an image" in refused(*search, "--video", media / "photo.png")
    localize = ["localize", models / "avol"]
    assert "--sound" in refused(*localize, media / "photo.png", "--out", tmp_path)
    assert "no video track" in refused(*localize, media / "noise.wav", "--out", tmp_path)
    write_video(tmp_path / "mute.mp4", [np.zeros((32, 32, 3), np.uint8)] * 5, 5.0)
    assert "no audio track" in refused(*localize, tmp_path / "mute.mp4", "--out", tmp_path / "o")
    assert "cannot be created as a folder" in refused(*localize, media / "video.mp4", "--out", media / "notes.txt")
