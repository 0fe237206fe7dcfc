import csv

import pytest
from media.films import film, run, shards
from media.media_files import make_video

from avnet.errors import DataError
from data.corpus.config import PrepareConfig
from data.corpus.labels import match_labels, read_labels, read_labels_csv
from data.corpus.prepare import prepare


def test_labels_lie_beside_the_records_and_not_in_them(tmp_path):
    for number in range(3):
        film(tmp_path / "films" / f"{number}.mp4", number)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = [("file", "label"), ("0.mp4", "zebra, plains"), ("0.mp4", "bell"), ("1.mp4", ""), ("9.mp4", "x")]
        csv.writer(file).writerows(rows)
    out = tmp_path / "out"
    run(tmp_path / "films", out, labels=tmp_path / "labels.csv")
    assert read_labels(out) == {"0.mp4": ["zebra, plains", "bell"], "1.mp4": [], "2.mp4": []}
    run(tmp_path / "films", tmp_path / "bare")
    assert shards(out) == shards(tmp_path / "bare")
    assert not any(b"zebra" in file.read_bytes() for file in out.glob("*array_record*"))
    with pytest.raises(DataError, match="--labels"):
        read_labels(tmp_path / "bare")


def test_labels_that_cannot_be_read_are_refused_before_any_work(tmp_path):
    (tmp_path / "labels.csv").write_text("name,class\na.mp4,dog\n")
    film(tmp_path / "films" / "a.mp4", 1)
    with pytest.raises(DataError, match="must have the columns file and label, but has name,class"):
        run(tmp_path / "films", tmp_path / "out", labels=tmp_path / "labels.csv")
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match="cannot be read"):
        read_labels_csv(tmp_path / "nowhere.csv")
    (tmp_path / "labels.json").write_text("[1]")
    with pytest.raises(DataError, match="is damaged"):
        read_labels(tmp_path)


def test_labels_can_be_added_to_records_that_are_there(tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    make_video(films / "a.mp4", 1.2)
    prepare(PrepareConfig((films,), tmp_path / "out"))
    # With the mark that spreadsheets put first.
    (tmp_path / "labels.csv").write_text("\ufefffile,label\na.mp4,dog\n", encoding="utf-8")
    prepare(PrepareConfig((films,), tmp_path / "out", labels=tmp_path / "labels.csv"))
    assert read_labels(tmp_path / "out") == {"a.mp4": ["dog"]}


def test_a_label_whose_file_could_be_either_of_two_is_not_given():
    labels = {"dog/1.mp4": ["dog"], "cat/1.mp4": ["cat"], "2": ["hen"], "z/3.mp4": ["owl"]}
    names = ["x/dog/1.mp4", "x/cat/1.mp4", "y/2.mp4", "3.mp4"]
    assert match_labels(names, labels) == [[], [], ["hen"], ["owl"]]
