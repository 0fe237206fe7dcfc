import json

import pytest

from eval.__main__ import main
from eval.readers.labels import read_labels

VGGSOUND = 'a,1,"people, marching",train\nb,2,dog,test\nc,3,dog,test\nd,4,cat,test\ne,5,cat,test\ne,5,cat,test\n'


def write(file, text=""):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return str(file)


def counts(output, row):
    """The numbers of a row of the table."""
    line = next(line for line in output.splitlines() if line.startswith(f"│ {row} "))
    return [int(cell) for cell in line.split("│")[2:-1]]


def test_a_list_alone_is_counted_and_nothing_is_written(tmp_path, capsys):
    main(["dataset", "vggsound", write(tmp_path / "list.csv", VGGSOUND)])
    output = capsys.readouterr().out
    assert [counts(output, row) for row in ("train", "test", "all")] == [[1], [5], [6]]
    assert "classes: 3, of 1 (people, marching) to 3 (cat) clips\n" in output
    assert "listed more than once: 1 (e_000005)\n" in output and "missing" not in output
    assert [file.name for file in tmp_path.iterdir()] == ["list.csv"]


def test_files_that_are_there_are_written_with_labels_and_the_missing_are_named(tmp_path, capsys):
    for name in ("train/a_000001.mp4", "test/b.mp4"):
        write(tmp_path / "media" / name)
    arguments = [write(tmp_path / "list.csv", VGGSOUND), "--media", str(tmp_path / "media")]
    main(["dataset", "vggsound", *arguments, "--out", str(tmp_path / "out")])
    output = capsys.readouterr().out
    assert [counts(output, row) for row in ("train", "test", "all")] == [[1, 1, 0], [5, 1, 4], [6, 2, 4]]
    assert "missing: 4 (c_000003, d_000004, e_000005, ...)\n" in output
    assert (tmp_path / "out" / "missing.txt").read_text() == "c_000003\nd_000004\ne_000005\ne_000005\n"
    labels = read_labels(tmp_path / "out" / "labels.csv")
    assert labels == {"train/a_000001.mp4": ("people, marching",), "test/b.mp4": ("dog",)}
    report = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert report["results"]["splits"]["all"] == {"listed": 6, "there": 2, "missing": 4}
    assert report["results"]["classes"] == {"cat": 3, "dog": 2, "people, marching": 1}
    assert report["left_out"]["missing"] == ["c_000003", "d_000004", "e_000005", "e_000005"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("class_labels_indices.csv", 'index,mid,display_name\n0,/m/a,"Bark, bow"\n'),
        ("ontology.json", '[{"id": "/m/a", "name": "Bark, bow", "child_ids": []}]'),
    ],
)
def test_ids_of_audioset_get_names_and_those_without_one_are_told(tmp_path, capsys, name, text):
    path = write(tmp_path / "eval_segments.csv", '# x\nID, 0.000, 10.000, "/m/a,/m/b"\n')
    main(["dataset", "audioset", path, "--class-names", write(tmp_path / name, text), "--out", str(tmp_path / "out")])
    assert "ids without a name: 1 (/m/b)\n" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert report["results"]["classes"] == {"Bark, bow": 1, "/m/b": 1}
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [".avnet-results", "dataset.json"]


def test_a_list_without_classes_and_splits_is_counted_in_one_row(tmp_path, capsys):
    write(tmp_path / "media" / "7.jpg")
    path = write(tmp_path / "names.csv", "7,0\n8,0\n")
    main(["dataset", "flickr-soundnet", path, "--media", str(tmp_path / "media"), "--out", str(tmp_path)])
    output = capsys.readouterr().out
    assert counts(output, "all") == [2, 1, 1] and "│ without" not in output and "classes:" not in output
    assert (tmp_path / "labels.csv").read_text() == "file,label\n7.jpg,\n"


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["vggsound", "LIST", "--class-names", "x"], "--class-names: is for AudioSet alone"),
        (["ave", "LIST"], "is not a clip of AVE"),
        (["vggsound", "LIST", "--media", "MEDIA"], "holds none of the 6 clips"),
        (["vggsound", "none.csv"], "none.csv: cannot be read"),
    ],
)
def test_a_refusal_of_dataset_is_one_line_and_exit_code_two(tmp_path, capsys, arguments, refusal):
    (tmp_path / "media").mkdir()
    paths = {"LIST": write(tmp_path / "list.csv", VGGSOUND), "MEDIA": str(tmp_path / "media")}
    with pytest.raises(SystemExit, match="2"):
        main(["dataset", *(str(paths.get(argument, argument)) for argument in arguments)])
    output = capsys.readouterr()
    assert refusal in output.err and output.err.count("\n") == 1 and output.out == ""
