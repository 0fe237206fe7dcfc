import csv
import re

import pytest
from media.films import film, run, shards
from media.media_files import make_video

from avnet.errors import DataError
from data.corpus.config import PrepareConfig
from data.corpus.labels import match_labels, read_labels, read_labels_csv
from data.corpus.prepare import prepare


def test_labels_lie_beside_the_records_and_not_in_them(tmp_path, capsys):
    for number in range(3):
        film(tmp_path / "films" / f"{number}.mp4", number)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = [("file", "label"), ("0.mp4", "zebra, plains"), ("0.mp4", "bell"), ("1.mp4", ""), ("9.mp4", "x")]
        csv.writer(file).writerows(rows)
    out = tmp_path / "out"
    run(tmp_path / "films", out, labels=tmp_path / "labels.csv")
    printed = capsys.readouterr().out
    assert "labels: 2 of 3 videos are in the list, 1 with a label; 1 of the 3 names in the list" in printed
    assert read_labels(out) == {"0.mp4": ["zebra, plains", "bell"], "1.mp4": [], "2.mp4": []}
    run(tmp_path / "films", tmp_path / "bare")
    assert shards(out) == shards(tmp_path / "bare")
    assert not any(b"zebra" in file.read_bytes() for file in out.glob("*array_record*"))
    with pytest.raises(DataError, match="--labels"):
        read_labels(tmp_path / "bare")


def test_labels_that_cannot_be_read_are_refused_before_any_work(tmp_path):
    (tmp_path / "labels.csv").write_text("name,class\na.mp4,dog\n")
    film(tmp_path / "films" / "a.mp4", 1)
    with pytest.raises(DataError, match="names the columns file, label; it has 'name', 'class'"):
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


NAMES = ["---g-f_I2yQ_000001.mp4", "a.mp4", "b, c.mp4", "caf\u00e9.mp4", "e.mp4", "sub/d.mp4"]


@pytest.mark.parametrize(
    ("table", "matches"),
    {
        "\ufefffile,label\r\na.mp4,dog\r\n": {"a.mp4": ["dog"]},
        'file,label\n"b, c.mp4","cat, tabby"\n': {"b, c.mp4": ["cat, tabby"]},
        "file,label\ncafe\u0301.mp4,bird\n": {"caf\u00e9.mp4": ["bird"]},
        "file, label\n a.mp4 , dog\na.mp4,dog\n": {"a.mp4": ["dog"]},
        "File,Label\nA.MP4,dog\nCAFE\u0301.MP4,bird\n": {"a.mp4": ["dog"], "caf\u00e9.mp4": ["bird"]},
        "file;label\na.mp4;dog, big\n": {"a.mp4": ["dog, big"]},
        "label\tnote\tfile\ndog\t\ta\n": {"a.mp4": ["dog"]},
        "file,label\nsub\\d.mp4,cow\n": {"sub/d.mp4": ["cow"]},
        "file,label\n.\\Sub\\D.mp4,cow\n./a.mp4,dog\n": {"sub/d.mp4": ["cow"], "a.mp4": ["dog"]},
        "file,label\nC:\\films\\d.mp4,cow\n/old/place/a.mp4,dog\n": {"sub/d.mp4": ["cow"], "a.mp4": ["dog"]},
        "file,label\n,\n\na.mp4,dog\n": {"a.mp4": ["dog"]},
        "file,label\n---g-f_I2yQ_000001,crowd\n": {"---g-f_I2yQ_000001.mp4": ["crowd"]},
    }.items(),
)
def test_tables_as_people_have_them_match_the_videos(tmp_path, table, matches):
    (tmp_path / "labels.csv").write_text(table, encoding="utf-8")
    labels = match_labels(NAMES, read_labels_csv(tmp_path / "labels.csv"))
    assert {name: of_file for name, of_file in zip(NAMES, labels, strict=True) if of_file} == matches


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (b"label,file\ndog,a.mp4\ncat\n", "row 3 has 1 of 2 cells, none for its file"),
        (b"file,label\na.mp4\n", "row 2 has 1 of 2 cells, none for its label"),
        (b"file,label\na.mp4,cat, tabby\n", "row 2 has 3 cells, more than the 2 of the header"),
        (b"file,label\n,dog\n", "row 2 names no file"),
        (b"file,label\ncaf\xe9.mp4,bird\n", "row 2 is not UTF-8; save the table as UTF-8"),
        ("file,label\na.mp4,dog\n".encode("utf-16"), "is UTF-16; save it as UTF-8"),
        (b"file,label\nx.mp4,dog\ny.mp4,dog\n", "none of the 1 videos: it names 'x.mp4', 'y.mp4'; there are 'a.mp4'"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_before_any_work(tmp_path, table, reason):
    (tmp_path / "labels.csv").write_bytes(table)
    film(tmp_path / "films" / "a.mp4", 1)
    with pytest.raises(DataError, match=re.escape(reason)):
        run(tmp_path / "films", tmp_path / "out", labels=tmp_path / "labels.csv")
    assert not (tmp_path / "out").exists()


def test_names_that_are_alike_in_all_but_case_are_told_apart_or_left_alone():
    labels = {"a.mp4": ["dog"], "A.mp4": ["cat"], "cD.mp4": ["hen"]}
    assert match_labels(["a.mp4", "A.mp4"], labels) == [["dog"], ["cat"]]
    assert match_labels(["cd.mp4", "CD.mp4"], labels) == [[], []]


def test_a_label_whose_file_could_be_either_of_two_is_not_given():
    labels = {"dog/1.mp4": ["dog"], "cat/1.mp4": ["cat"], "2": ["hen"], "z/3.mp4": ["owl"]}
    names = ["x/dog/1.mp4", "x/cat/1.mp4", "y/2.mp4", "3.mp4"]
    assert match_labels(names, labels) == [[], [], ["hen"], ["owl"]]
