"""Corpora of captions, packed and opened."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from spoken.corpora import make_csv_corpus, make_image, make_table

from avnet.errors import ConfigError, DataError
from data.captions.config import CaptionsConfig
from data.captions.corpus import open_captions
from data.captions.pack import pack
from data.images.corpus import IMAGES, LEFT_OUT, LISTING
from data.spoken.config import SpokenConfig
from data.spoken.corpus import open_corpus
from data.spoken.pack import pack as pack_spoken

HEADER = ("image", "caption", "split")
ROWS = [
    ("a.png", "A dog.", "train"),
    ("b.png", "Two cats", "test"),
    ("a.png", "It runs", "train"),
    ("c.png", "", "val"),
    ("d.png", "Broken", "val"),
]


@pytest.fixture
def table(tmp_path):
    for seed, name in enumerate("abc"):
        make_image(tmp_path / f"{name}.png", seed)
    (tmp_path / "d.png").write_bytes(b"no image")
    return make_table(tmp_path / "captions.csv", ROWS, HEADER)


def make(source: Path, out: Path) -> dict[str, int]:
    return pack(CaptionsConfig(source, out))


def test_a_corpus_holds_what_the_table_says(table, tmp_path, capsys):
    figures = make(table, tmp_path / "out")
    assert figures == {"captions": 3, "images, train": 1, "images, validation": 0, "images, test": 1, "left out": 2}
    corpus = open_captions(tmp_path / "out")
    assert corpus.names == ("a.png", "b.png") and corpus.splits == ("train", "test")
    assert corpus.texts == ("A dog.", "Two cats", "It runs") and corpus.image_of.tolist() == [0, 1, 0]
    assert corpus.captions_in("train").tolist() == [0, 2] and corpus.images_in("test").tolist() == [1]
    assert corpus.image(1).shape == (12, 16, 3)
    # JPEG keeps what was there, about: of images of noise no other is as near.
    original = [np.asarray(Image.open(tmp_path / f"{name}.png"), int) for name in "ab"]
    assert np.abs(corpus.image(1) - original[1]).mean() < 0.7 * np.abs(corpus.image(1) - original[0]).mean()
    with pytest.raises(DataError, match="no image in the split 'validation'"):
        corpus.captions_in("validation")
    reasons = [one["reason"] for one in json.loads((tmp_path / "out" / LEFT_OUT).read_text())]
    assert reasons[0] == "has no caption" and "is not an image" in reasons[1]
    assert "left out: captions.csv row 5: has no caption" in capsys.readouterr().out


def test_the_same_captions_give_the_same_bytes(table, tmp_path):
    make(table, tmp_path / "one"), make(table, tmp_path / "two")
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 4
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)


def test_images_are_stored_as_those_of_spoken_corpora(tmp_path):
    make_csv_corpus(tmp_path / "source")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 700, 3), np.uint8)).save(tmp_path / "source/p0.png")
    make(tmp_path / "source", tmp_path / "written")
    pack_spoken(SpokenConfig(tmp_path / "source", tmp_path / "spoken"))
    assert open_corpus(tmp_path / "spoken").names == open_captions(tmp_path / "written").names
    for number in range(3):
        name = f"{number:07d}.jpg"
        assert (tmp_path / "spoken" / IMAGES / name).read_bytes() == (tmp_path / "written" / IMAGES / name).read_bytes()
    assert open_captions(tmp_path / "written").image(0).shape == (256, 597, 3)


def test_a_corpus_is_replaced_by_one_of_its_kind_only(table, tmp_path):
    make(table, tmp_path / "out")
    np.save(tmp_path / "out" / "grids-x.npy", np.zeros(2))
    make_table(table, ROWS[:1], HEADER)
    assert make(table, tmp_path / "out")["captions"] == 1
    assert not (tmp_path / "out" / "grids-x.npy").exists()
    make_csv_corpus(tmp_path / "source")
    with pytest.raises(DataError, match="it is not empty, and not a spoken corpus"):
        pack_spoken(SpokenConfig(tmp_path / "source", tmp_path / "out"))
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds notes\.txt, which avnet did not write"):
        make(table, tmp_path / "out")


def test_nothing_is_left_behind_where_nothing_can_be_used(table, tmp_path):
    make_table(table, ROWS[3:], HEADER)
    with pytest.raises(DataError, match=r"no caption that can be used; the first of 2 rows: captions\.csv row 2"):
        make(table, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    make_table(table, [], HEADER)
    with pytest.raises(DataError, match=r"holds no caption that can be used$"):
        make(table, tmp_path / "out")
    with pytest.raises(ConfigError, match="--max-words"):
        CaptionsConfig(table, tmp_path / "out", max_words=0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "avnet-spoken-2"}, "it is 'avnet-spoken-2', not avnet-captions-1"),
        ({"texts": ["A dog."]}, "the texts do not fit"),
        ({"texts": ["A dog.", 5, ""]}, "the texts do not fit"),
        ({"splits": ["train", "later"]}, "the splits do not fit"),
        ({"image_of": [0, 2, 0]}, "a description is of an image that is not there"),
        ({"image_of": [0, -1, 0]}, "a description is of an image that is not there"),
        ({"image_of": "abc"}, "damaged"),
        ({"images": 3}, "damaged"),
    ],
)
def test_a_damaged_corpus_is_refused_in_one_line(table, tmp_path, change, reason):
    make(table, tmp_path / "out")
    listing = json.loads((tmp_path / "out" / LISTING).read_text())
    (tmp_path / "out" / LISTING).write_text(json.dumps(listing | change))
    with pytest.raises(DataError) as refusal:
        open_captions(tmp_path / "out")
    assert reason in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_folder_without_a_corpus_is_refused_with_advice(tmp_path):
    with pytest.raises(DataError, match="make one with `python -m data captions`"):
        open_captions(tmp_path)
