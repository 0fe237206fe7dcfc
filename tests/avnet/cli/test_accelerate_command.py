import json
import os
import shutil
import sys

import numpy as np
import pytest
from extras import need

import avnet
from avnet.index.entry import Entry
from avnet.index.index import Index


@pytest.fixture(scope="module")
def plain(models, tmp_path_factory):
    """An index of 1,500 images and as many sounds, of random places."""
    folder = tmp_path_factory.mktemp("plain") / "index"
    vectors = np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with Index.create(folder, avnet.load(models / "ave").fingerprint, 8) as index:
        kinds = ("image", "sound")
        index.add(vectors, [Entry(f"{i // 20}.mp4", float(i % 10), kinds[i % 20 // 10]) for i in range(3000)])
        index.save()
    return folder


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Side indexes of few rows, made with few queries."""
    monkeypatch.setattr("avnet.index.acceleration.ROWS", 1000)
    monkeypatch.setattr("avnet.index.acceleration.QUERIES", 50)


@pytest.fixture
def fast(plain, tmp_path, run):
    """A copy of the index with its side indexes, and what the command printed."""
    need("faiss")
    shutil.copytree(plain, tmp_path / "index")
    code, out, _ = run("accelerate", tmp_path / "index")
    assert code == 0
    return tmp_path / "index", out


def hits(run, models, media, index, *options):
    code, out, err = run("search", models / "ave", index, "--image", media / "photo.png", "--format", "json", *options)
    assert code == 0
    return json.loads(out)[0]["hits"], err


def test_recall_and_time_are_printed_for_each_kind(fast):
    lines = fast[1].splitlines()
    assert [line.split()[0] for line in lines] == ["images:", "recall@10", "sounds:", "recall@10"]
    assert lines[0].startswith("images: 1,500 in ") and "lists, of which a search reads" in lines[0]
    words = lines[3].split()
    assert words[1:3] == ["by", "images"] and words[4:6] == ["by", "sounds"] and "ms a query instead of" in lines[3]
    assert min(float(words[3].strip(",")), float(words[6].strip(";"))) >= 0.9


def test_search_uses_it_unless_told_to_be_exact(run, models, media, fast, monkeypatch):
    exact, _ = hits(run, models, media, fast[0], "--exact")
    questions = []
    search = Index.search
    monkeypatch.setattr(Index, "search", lambda self, *args: questions.append(args[4]) or search(self, *args))
    matches, err = hits(run, models, media, fast[0])
    assert err == "" and [side.kind for side in questions[0]] == ["image", "sound"]
    assert len(matches) == 10 and len({hit["file"] for hit in matches} & {hit["file"] for hit in exact}) >= 7
    hits(run, models, media, fast[0], "--exact")
    assert questions[1] == []


def test_damaged_side_index_is_named_in_one_line_and_the_search_is_exact(run, models, media, fast):
    file = fast[0] / "side-sound-00000001.safetensors"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    matches, err = hits(run, models, media, fast[0])
    assert err == f"searching exactly: {file}: is damaged (its content is not what was written)\n"
    assert matches == hits(run, models, media, fast[0], "--exact")[0]
    assert run("accelerate", fast[0])[0] == 0
    assert hits(run, models, media, fast[0])[1] == ""
    assert sorted(name for name in os.listdir(fast[0]) if name[0] != ".") == [
        "artifact.json",
        "index.sqlite",
        "segment-00000001.npy",
        "segment-00000002.npy",
        "side-image-00000002.safetensors",
        "side-sound-00000002.safetensors",
    ]


def test_missing_faiss_is_named_with_the_extra(run, refusal_of, models, media, plain, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    line = refusal_of("accelerate", plain)
    assert line == "error: faiss: is not installed; side indexes need the extra: pip install 'avnet[faiss]'"


def test_search_without_faiss_is_exact(run, models, media, fast, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    matches, err = hits(run, models, media, fast[0])
    assert err.startswith("searching exactly: faiss: ") and err.endswith("pip install 'avnet[faiss]'\n")
    assert len(err.splitlines()) == 1
    assert matches == hits(run, models, media, fast[0], "--exact")[0]


def test_info_says_what_is_covered(run, plain, fast):
    assert "0 images and 0 sounds" in run("info", plain)[1]
    assert "1500 images and 1500 sounds" in run("info", fast[0])[1]


def test_small_index_is_left_as_it_is(run, index_folder):
    before = sorted(os.listdir(index_folder))
    code, out, _ = run("accelerate", index_folder)
    assert code == 0 and out.splitlines()[0].startswith("images: 4; below 1,000")
    assert sorted(os.listdir(index_folder)) == before


def test_what_cannot_be_accelerated_is_refused(refusal_of, plain, media, monkeypatch):
    assert "is not an index" in refusal_of("accelerate", media)
    assert "--recall" in refusal_of("accelerate", plain, "--recall", 1)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be written" in refusal_of("accelerate", plain)
