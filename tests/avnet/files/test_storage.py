import pytest

from avnet.errors import DataError, NotMedia
from avnet.files.storage import Folder, filesystem, is_address, local_copy


@pytest.fixture(params=["disk", "memory"])
def folder(request, tmp_path, bucket):
    return Folder(str(tmp_path / "place") if request.param == "disk" else "memory://bucket/place")


def test_files_are_written_read_listed_moved_and_removed(folder):
    assert folder.names() == [] and not folder.exists("a.txt")
    folder.create()
    folder.write_text("b.txt", "ü\n")
    with folder.whole("a.bin") as file:
        file.write_bytes(b"123")
    assert folder.names() == ["a.bin", "b.txt"] and folder.read_text("b.txt") == "ü\n"
    (folder / "sub").create()
    (folder / "sub").write_text("c", "x")
    assert "sub" in folder.names() and (folder / "sub").names() == ["c"]
    folder.move("sub/c", "d.txt")
    assert folder.read_text("d.txt") == "x"
    folder.remove("sub")
    folder.remove("a.bin")
    folder.remove("never there")
    assert folder.names() == ["b.txt", "d.txt"]


def test_what_fails_leaves_no_file(folder):
    folder.create()
    with pytest.raises(KeyError), folder.whole("a.txt") as file:
        file.write_bytes(b"half")
        raise KeyError
    assert folder.names() == []
    with pytest.raises(DataError, match=r"a\.txt: cannot be read"):
        folder.read_text("a.txt")


def test_addresses_are_those_of_stores():
    assert is_address("s3://bucket/film.mp4") and is_address("gs://b") and is_address("memory://x")
    for path in ("film.mp4", "/films", "http://host/film.mp4", "file:///film.mp4", "ftp://h/f", "C:\\films", "s3:x"):
        assert not is_address(path)


def test_a_store_without_its_package_is_refused_in_one_line(monkeypatch):
    def refuse(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", refuse)
    with pytest.raises(DataError, match=r"s3://bucket/films: cannot be opened \(Install s3fs to access S3\)"):
        filesystem("s3://bucket/films")


def test_an_object_is_copied_while_it_is_needed(bucket):
    bucket.pipe_file("/bucket/film.mp4", b"123")
    with local_copy("memory://bucket/film.mp4") as path:
        assert path.read_bytes() == b"123" and path.suffix == ".mp4"
    assert not path.exists()
    with pytest.raises(NotMedia, match="no such file"), local_copy("memory://bucket/nothing.mp4"):
        pass
