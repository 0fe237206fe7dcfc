import os

import numpy as np
import pytest
from flax import nnx

from avnet.correspondence.model import Model
from avnet.correspondence.network import build
from avnet.media import write_video


def commands(models, media, index_folder, path):
    return {
        "info": ["info", path],
        "embed": ["embed", models / "ave", path, "--out", media / "never.npz"],
        "index": ["index", models / "ave", index_folder.parent / "another", path],
        "search": ["search", models / "ave", index_folder, "--image", path],
        "search sound": ["search", models / "ave", index_folder, "--sound", path],
        "localize": ["localize", models / "avol", path, "--out", media / "never"],
        "localize sound": ["localize", models / "avol", media / "photo.png", "--sound", path, "--out", media / "never"],
    }


NAMES = ["info", "embed", "index", "search", "search sound", "localize", "localize sound"]


@pytest.mark.parametrize("name", NAMES)
def test_missing_file_address_and_junk_are_refused(refusal_of, models, media, index_folder, name):
    assert "no such file" in refusal_of(*commands(models, media, index_folder, media / "none.mp4")[name])
    assert name != "index" or not (index_folder.parent / "another").exists()
    line = refusal_of(*commands(models, media, index_folder, "https://host.org/a.mp4")[name])
    assert line.startswith("error: https://host.org/a.mp4: is an address")
    # One line: `refusal_of` takes no more.
    assert "junk.mp4: " in refusal_of(*commands(models, media, index_folder, media / "junk.mp4")[name])
    assert not (media / "never.npz").exists()


@pytest.mark.parametrize("name", NAMES)
def test_folder_without_media_is_refused(refusal_of, models, media, index_folder, tmp_path, name):
    assert refusal_of(*commands(models, media, index_folder, tmp_path)[name]).startswith(f"error: {tmp_path}")


@pytest.mark.parametrize("name", ["artifact.json", "weights.safetensors"])
def test_model_folder_that_lacks_a_file_is_refused(refusal_of, models, media, index_folder, tmp_path, name):
    broken = tmp_path / "model"
    broken.mkdir()
    for file in (models / "ave").iterdir():
        if file.name != name:
            (broken / file.name).write_bytes(file.read_bytes())
    for command in (["info", broken], ["search", broken, index_folder, "--image", media / "photo.png"]):
        line = refusal_of(*command)
        assert name in line


def test_models_that_cannot_do_it_are_refused(refusal_of, models, media, index_folder, tmp_path):
    video = media / "video.mp4"
    for network in ("ave", "l3"):
        refusal = refusal_of("localize", models / network, video, "--out", tmp_path)
        others = "base, or a model of 'train avol', 'train joint' or 'train zero-shot'"
        assert refusal.endswith(f"has no heatmap; localize takes {others}")
    for network in ("avol", "l3"):
        aligned = "search takes base, or a model of 'train ave' or 'train joint'"
        assert aligned in refusal_of("index", models / network, tmp_path / "index", video)
        assert aligned in refusal_of("search", models / network, index_folder, "--image", media / "photo.png")
    assert "no single embedding" in refusal_of("embed", models / "avol", video, "--out", tmp_path / "e.npz")
    assert os.listdir(tmp_path) == []


def test_index_of_another_model_is_refused(refusal_of, models, media, index_folder, tmp_path):
    config = Model.load(models / "ave").config
    Model(config, build(config, rngs=nnx.Rngs(1))).save(tmp_path / "other")
    assert "another model" in refusal_of("search", tmp_path / "other", index_folder, "--image", media / "photo.png")
    assert "another model" in refusal_of("index", tmp_path / "other", index_folder, media)
    assert "is not an index" in refusal_of("search", models / "ave", media, "--image", media / "photo.png")
    assert "not empty" in refusal_of("index", models / "ave", media, media)


@pytest.mark.parametrize(
    "args, words",
    [
        (["frobnicate"], "frobnicate"),
        ([], "see --help"),
        (["info"], "PATH"),
        (["info", "x", "--colour"], "--colour"),
        (["search", "m", "i"], "needs one of --image"),
        (["search", "m", "i", "--image", "a", "--video", "b"], "takes --video alone"),
        (["search", "m", "i", "--image", "a", "--at", "1"], "--at"),
        (["search", "m", "i", "--image", "a", "--k", "0"], "--k"),
        (["search", "m", "i", "--image", "a", "--per-file", "-1"], "--per-file"),
        (["search", "m", "i", "--image", "a", "--html", "page.txt"], "page.txt"),
        (["search", "m", "i", "--image", "a", "--html", "no/such/folder/page.html"], "does not exist"),
        (["embed", "m", "f"], "--out"),
        (["embed", "m", "f", "--out", "e.csv"], "ends in .npz"),
        (["embed", "m", "f", "--out", "e.npz", "--every", "0"], "--every"),
        (["index"], "INPUTS"),
        (["localize", "m", "v", "--out", "o", "--fps", "0"], "--fps"),
        (["localize", "m", "v", "--out", "o", "--threshold", "1.5"], "--threshold"),
        (["localize", "m", "v", "--out", "o", "--short-side", "1"], "--short-side"),
    ],
)
def test_wrong_options_are_refused(refusal_of, args, words):
    assert words in refusal_of(*args)


def test_times_and_sounds_that_are_not_there_are_refused(refusal_of, models, media, index_folder, tmp_path):
    search = ["search", models / "ave", index_folder]
    assert "0.00 to 3.00 s, got 9" in refusal_of(*search, "--video", media / "video.mp4", "--at", 9)
    assert "got -1" in refusal_of(*search, "--sound", media / "noise.wav", "--at", -1)
    assert "is silent" in refusal_of(*search, "--sound", media / "silence.wav")
    assert "is silent at 2.50 s" in refusal_of(*search, "--sound", media / "video.mp4", "--at", 2.5)
    assert "no video track" in refusal_of(*search, "--video", media / "noise.wav")
    assert "is an image" in refusal_of(*search, "--video", media / "photo.png")
    localize = ["localize", models / "avol"]
    assert "--sound" in refusal_of(*localize, media / "photo.png", "--out", tmp_path)
    assert "no video track" in refusal_of(*localize, media / "noise.wav", "--out", tmp_path)
    write_video(tmp_path / "mute.mp4", [np.zeros((32, 32, 3), np.uint8)] * 5, 5.0)
    assert "no audio track" in refusal_of(*localize, tmp_path / "mute.mp4", "--out", tmp_path / "o")
    assert "cannot be created as a folder" in refusal_of(*localize, media / "video.mp4", "--out", media / "notes.txt")
