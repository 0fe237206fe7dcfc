"""SPEECH-COCO as it is published, from its files of JSON and from its databases."""

import json
import sqlite3
from pathlib import Path

import pytest
from spoken.corpora import make_image, make_recording

from avnet.errors import DataError
from data.captions.readers.row import check_rows as check_captions
from data.captions.readers.source import rows_of as caption_rows
from data.spoken.readers.description import Description
from data.spoken.readers.source import read_source
from data.spoken.readers.texts import read_texts


def fields_of(number: int, caption: int, text: str) -> dict:
    wav = f"{number}_{caption}_Phil_None_0-9.wav"
    return {
        "duration": 0.5,
        "speaker": "Phil",
        "synthesisedCaption": text,
        "timecode": [[0.0, "WORD", "a"]],
        "speed": 0.9,
        "wavFilename": wav,
        "captionID": caption,
        "imgID": number,
        "disfluency": ["None", ""],
    }


def make_subset(folder: Path, subset: str, captions: list[tuple[int, int, str]]) -> Path:
    """`json/` and `wav/` of a subset, and its images in `images/` of the corpus."""
    place = folder / subset
    (place / "json").mkdir(parents=True)
    for number, caption, text in captions:
        fields = fields_of(number, caption, text)
        make_recording(place / "wav" / fields["wavFilename"])
        (place / "json" / fields["wavFilename"]).with_suffix(".json").write_text(json.dumps(fields))
        make_image(folder / "images" / f"COCO_{subset}_{number:012d}.jpg", number)
    return place


def make_database(place: Path) -> Path:
    """What `jsonToSQL` of the authors' speechcoco.py makes of the files of JSON; they are taken away."""
    path = place / f"{place.name[:-4]}_2014.sqlite3"
    with sqlite3.connect(path) as database:
        columns = "captionID INT, imageID INT, wavFilename TEXT, speed FLOAT, text TEXT, speaker TEXT"
        database.execute(f"CREATE TABLE captions ({columns})")
        for file in sorted((place / "json").iterdir()):
            keys = ("captionID", "imgID", "wavFilename", "speed", "synthesisedCaption", "speaker")
            fields = json.loads(file.read_text())
            database.execute("INSERT INTO captions VALUES (?,?,?,?,?,?)", [fields[key] for key in keys])
            file.unlink()
    database.close()
    return path


@pytest.fixture
def corpus(tmp_path) -> Path:
    make_subset(tmp_path, "train2014", [(9, 51, "A dog."), (9, 52, "Um, a dog runs."), (30, 53, "Café \N{DOG FACE}")])
    make_subset(tmp_path, "val2014", [(7, 61, "A cat.")])
    return tmp_path


def test_files_of_json_give_images_recordings_and_texts(corpus):
    descriptions = read_source(corpus).descriptions
    image, wav = corpus / "images" / "COCO_train2014_000000000009.jpg", corpus / "train2014" / "wav"
    assert Description(image, wav / "9_51_Phil_None_0-9.wav", "Phil", "train") in descriptions
    assert sorted(one.split for one in descriptions) == ["train"] * 3 + ["validation"]
    texts = read_texts(corpus)
    assert texts[wav / "9_52_Phil_None_0-9.wav"] == "Um, a dog runs." and len(texts) == 4


def test_databases_say_the_same_as_the_files(corpus):
    before, texts = read_source(corpus).descriptions, read_texts(corpus)
    for subset in ("train2014", "val2014"):
        make_database(corpus / subset)
    assert read_source(corpus).descriptions == before and read_texts(corpus) == texts
    database = corpus / "val2014" / "val_2014.sqlite3"
    assert read_source(database).descriptions == read_source(corpus / "val2014").descriptions == before[-1:]


def test_images_may_lie_in_folders_of_coco(corpus, tmp_path):
    (corpus / "images").rename(tmp_path / "apart")
    (tmp_path / "coco" / "val2014").mkdir(parents=True)
    (tmp_path / "apart" / "COCO_val2014_000000000007.jpg").rename(
        tmp_path / "coco" / "val2014" / "COCO_val2014_000000000007.jpg"
    )
    (only,) = read_source(corpus / "val2014", images=tmp_path / "coco").descriptions
    assert only.image.parent == tmp_path / "coco" / "val2014"


def test_its_texts_are_captions(corpus):
    captions, left_out = check_captions(caption_rows(corpus), 100)
    assert not left_out and len(captions) == 4
    assert {one.text for one in captions} == {"A dog.", "Um, a dog runs.", "Café \N{DOG FACE}", "A cat."}


def test_what_cannot_be_used_is_named(corpus):
    folder = corpus / "val2014" / "json"
    odd = [{"imgID": "7"}, {"imgID": 7}, {"imgID": 7, "wavFilename": "../x.wav"}, {"imgID": 8, "wavFilename": "x.wav"}]
    for number, fields in enumerate(odd):
        (folder / f"odd{number}.json").write_text(json.dumps(fields))
    (folder / "odd4.json").write_text("{")
    (folder / "odd5.json").write_text("[]")
    source = read_source(corpus)
    assert len(source.descriptions) == 4
    reasons = ["no number of an image", "names no recording", "leaves the folder", "000000000008.jpg: is missing"]
    reasons += ["is not JSON", "no number of an image"]
    for number, (one, reason) in enumerate(zip(source.left_out, reasons, strict=True)):
        assert str(one).startswith(f"val2014 odd{number}.json: ") and reason in str(one)


def test_a_database_of_another_kind_is_refused(corpus):
    path = make_database(corpus / "val2014")
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE captions RENAME TO others")
    database.close()
    with pytest.raises(DataError, match=r"val_2014\.sqlite3: is not a database of SPEECH-COCO \(no such table"):
        read_source(corpus)
    path.write_bytes(b"no database" * 100)
    with pytest.raises(DataError, match="is not a database of SPEECH-COCO"):
        read_source(corpus)
