"""Commands without a model, with the tiny models in place of the one that comes with avnet."""

import hashlib
import json

import numpy as np
import pytest

from avnet.files.artifact import read_header
from avnet.files.kinds import MODEL
from avnet.zoo import shipped
from avnet.zoo.reference import BASE


@pytest.fixture
def base(models, tmp_path, monkeypatch):
    """Makes a tiny model the one that comes with avnet; the current folder is empty. Gives what is shown of it."""

    def use(network):
        root = tmp_path / network
        root.mkdir()
        (root / BASE).symlink_to(models / network)
        files = sorted((models / network).iterdir())
        sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {BASE}/{file.name}\n" for file in files]
        (root / shipped.SUMS).write_text("".join(sums))
        monkeypatch.setattr(shipped, "ROOT", root)
        return f"model: base, SHA-256 {read_header(models / network, MODEL).fingerprint[:12]}\n"

    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return use


def test_localize_takes_the_model_that_comes_with_avnet(base, run, media):
    line = base("avol")
    code, out, _ = run("localize", media / "video.mp4", "--out", "result", "--fps", 1)
    assert code == 0 and line in out and "results: result" in out
    assert run("localize", "base", media / "video.mp4", "--out", "result", "--fps", 1)[1] == out


def test_index_and_search_take_it_and_a_folder_index(base, run, media, models):
    line = base("ave")
    code, out, _ = run("index", media)
    assert code == 0 and line in out and "index holds 4 images" in out
    code, out, err = run("search", "--image", media / "photo.png", "--format", "json")
    assert code == 0 and len(json.loads(out)[0]["hits"]) == 2 and line == err
    code, out, _ = run("search", "index", "--image", media / "photo.png")
    assert code == 0 and out.startswith(line)
    # With other names for the same, all of it is there already.
    for arguments in (["base", "index", media], ["base", media], [models / "ave", media], ["index", media]):
        code, out, _ = run("index", *arguments)
        assert code == 0 and "added 0 images and 0 sounds of 0 files\n" in out and "index holds 4 images" in out
    assert run("search", models / "ave", "--image", media / "photo.png")[0] == 0


def test_embed_takes_it(base, run, media):
    line = base("ave")
    code, out, _ = run("embed", media / "photo.png", "--out", "e.npz")
    assert code == 0 and out.startswith(line)


def test_model_option_takes_another_whose_path_says_which(base, run, media, models):
    base("ave")
    code, out, _ = run("embed", media / "photo.png", "--out", "e.npz", "--model", models / "l3")
    assert code == 0 and out == "e.npz: 1 images and 0 sounds of 1 files\n"
    with np.load("e.npz") as file:
        assert file["model"] == read_header(models / "l3", MODEL).fingerprint


def test_without_a_model_that_comes_with_avnet_commands_say_so(refusal_of, monkeypatch, media, tmp_path):
    monkeypatch.setattr(shipped, "ROOT", tmp_path / "nowhere")
    monkeypatch.chdir(tmp_path)
    video = media / "video.mp4"
    for command in (["localize", video, "--out", "r"], ["index", video], ["embed", video, "--out", "e.npz"]):
        assert refusal_of(*command).startswith("error: base: does not exist, and this copy of avnet")
    assert not list(tmp_path.iterdir())


def test_describe_names_a_model_that_does_not_exist(run, media):
    code, _, err = run("describe", "nowhere", media / "photo.png", "--out", "described")
    assert code == 2 and err == "error: nowhere: does not exist\n"
    code, _, err = run("describe", "nowhere.png", media / "photo.png", "--model", "nothing", "--out", "described")
    assert code == 2 and "error: nothing: does not exist" in err
