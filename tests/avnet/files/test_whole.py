import pytest

from avnet.errors import AvnetError, MediaError
from avnet.files.ownership import RECEIPTS
from avnet.files.whole import whole_file, whole_folder, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != RECEIPTS)


def test_a_file_appears_when_its_block_ends(tmp_path):
    file = tmp_path / "a.txt"
    with whole_file(file) as temporary:
        temporary.write_text("new")
        assert not file.exists()
    assert file.read_text() == "new" and names(tmp_path) == ["a.txt"]


def test_a_block_that_fails_leaves_the_earlier_file_alone(tmp_path):
    file = tmp_path / "a.txt"
    write_text(file, "earlier")
    with pytest.raises(ZeroDivisionError), whole_file(file) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert file.read_text() == "earlier" and names(tmp_path) == ["a.txt"]


def test_refusals_name_the_file_and_have_the_class_that_was_asked_for(tmp_path):
    with pytest.raises(AvnetError, match="cannot be written"):
        write_text(tmp_path / "a" / "b.txt", "")
    with pytest.raises(MediaError, match="cannot be written: it is a folder"):
        write_text(tmp_path, "", MediaError)


def test_text_without_utf8_is_written_all_the_same(tmp_path):
    write_text(tmp_path / "a", "caf\udce9.mp4")
    assert (tmp_path / "a").read_text() == "caf?.mp4"


def test_a_folder_takes_the_place_of_an_earlier_one_and_of_all_in_it(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    with whole_folder(folder, lambda _: None) as temporary:
        (temporary / "new").touch()
        assert names(folder) == ["old"]
    assert names(folder) == ["new"] and names(tmp_path) == ["model"]


def test_a_block_that_fails_leaves_the_earlier_folder_alone(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(ZeroDivisionError), whole_folder(folder, lambda _: None) as temporary:
        (temporary / "new").touch()
        raise ZeroDivisionError
    assert names(folder) == ["old"] and names(tmp_path) == ["model"]


@pytest.mark.parametrize("name", ["n" * 255, "猫" * 85, "e\u0301" * 85])
def test_a_name_as_long_as_the_system_takes_can_be_written(tmp_path, name):
    write_text(tmp_path / name, "text")
    assert names(tmp_path) == [name]
    with whole_folder(tmp_path / f"{name[:-1]}f", lambda _: None) as temporary:
        (temporary / "a").write_text("")
    assert len(names(tmp_path)) == 2
