"""Names in tables find their files."""

import os

import pytest

from data.names import match_names, path_of


@pytest.mark.parametrize(
    "name", ["Sub/caf\u00e9.png", "sub\\cafe\u0301.png", "SUB/CAF\u00c9.PNG", "./x/../sub/cafe\u0301.png"]
)
def test_a_file_is_found_by_other_spellings_of_its_name(tmp_path, name):
    file = tmp_path / "Sub" / "caf\u00e9.png"
    file.parent.mkdir()
    file.touch()
    assert path_of(tmp_path, name) == file
    assert path_of(tmp_path / "elsewhere", str(tmp_path / name)) == file


def test_the_very_name_comes_first_and_two_that_are_alike_are_neither(tmp_path):
    for name in ("a.png", "A.png"):
        (tmp_path / name).touch()
    assert path_of(tmp_path, "A.png") == tmp_path / "A.png"
    os.rename(tmp_path / "a.png", tmp_path / "a.PNG")
    assert path_of(tmp_path, "a.png") == tmp_path / "a.png"
    assert path_of(tmp_path, "no\\b.png") == tmp_path / "no\\b.png"


def test_a_file_that_appears_later_is_found(tmp_path):
    assert path_of(tmp_path, "B.png") == tmp_path / "B.png"
    (tmp_path / "b.png").touch()
    os.utime(tmp_path, ns=(1, 1))
    assert path_of(tmp_path, "B.png") == tmp_path / "b.png"


def test_a_list_of_many_names_is_matched_in_a_moment():
    listed = {f"{i:011d}_000030": i for i in range(50_000)}
    names = [f"films/{i:011d}_000030.mp4" for i in range(49_000, 51_000)]
    matches = match_names(names, listed)
    assert matches[0] == "00000049000_000030" and matches[:1000].count(None) == 0 and matches[1000:] == [None] * 1000
