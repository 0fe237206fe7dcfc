import fsspec
import pytest
from media.media_files import make_mute, make_video, tone

from avnet.errors import DataError, NotMedia
from data.corpus.config import PrepareConfig
from data.corpus.prepare import prepare
from data.records.records import open_split
from data.storage import Folder, filesystem, is_address, local_copy


@pytest.fixture
def bucket():
    """An empty store in memory."""
    store = fsspec.filesystem("memory")
    for path in store.find("/"):
        store.rm(path)
    yield store
    for path in store.find("/"):
        store.rm(path)


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


@pytest.fixture
def films(tmp_path, bucket):
    """The same videos on the disk and in the store."""
    (tmp_path / "films").mkdir()
    for i in range(4):
        make_video(tmp_path / "films" / f"{i}.mp4", 1.3, sound=tone(300 + 50 * i))
    make_mute(tmp_path / "films" / "mute.mp4")
    (tmp_path / "films" / "notes.txt").write_text("not looked at")
    for file in (tmp_path / "films").iterdir():
        bucket.put_file(str(file), f"/bucket/films/sub/{file.name}")
    return tmp_path / "films"


def prepare_videos(videos, out):
    return prepare(PrepareConfig((videos,), out, videos_per_shard=2, fractions=(1, 0, 0), workers=1))


def test_records_of_a_store_are_those_of_the_disk(films, tmp_path, bucket):
    here = prepare_videos(films, tmp_path / "out")
    there = prepare_videos("memory://bucket/films", "memory://bucket/out")
    assert [(row.name, row.status, row.video) for row in there] == [
        (f"sub/{row.name}", row.status, row.video) for row in here
    ]
    names = [file.name for file in (tmp_path / "out").iterdir()]
    assert sorted(names) == Folder("memory://bucket/out").names()
    bucket.get("/bucket/out", str(tmp_path / "copy"), recursive=True)
    source, other = open_split(tmp_path / "copy", "train"), open_split(tmp_path / "out", "train")
    assert len(source) == len(other) == 4
    for i in range(4):
        assert source[i].frames == other[i].frames and (source[i].waveform == other[i].waveform).all()
    again = prepare_videos("memory://bucket/films", "memory://bucket/out")
    assert again == there and ".partial" not in Folder("memory://bucket/out").names()


def test_one_object_and_a_folder_on_the_disk_can_be_given_together(films, tmp_path):
    videos = ("memory://bucket/films/sub/0.mp4", films / "1.mp4")
    rows = prepare(PrepareConfig(videos, tmp_path / "out", fractions=(1, 0, 0)))
    assert sorted((row.name, row.status) for row in rows) == [("0.mp4", "ok"), ("1.mp4", "ok")]


def test_an_empty_place_and_a_foreign_place_are_refused(films, bucket):
    with pytest.raises(DataError, match="has no file of that name or below it"):
        prepare_videos("memory://bucket/nowhere", "memory://bucket/out")
    bucket.pipe_file("/bucket/home/thesis.json", b"years of work")
    with pytest.raises(DataError, match="not a folder of records"):
        prepare_videos("memory://bucket/films", "memory://bucket/home")
    assert bucket.find("/bucket/home") == ["/bucket/home/thesis.json"]


def fail_once(monkeypatch, bucket, method: str, error: Exception) -> None:
    """Makes a method of the store fail the first time."""
    original, failures = getattr(type(bucket), method), []

    def flaky(self, *arguments, **options):
        if not failures:
            failures.append(True)
            raise error
        return original(self, *arguments, **options)

    monkeypatch.setattr(type(bucket), method, flaky)


def test_a_store_that_does_not_answer_rejects_no_video(films, bucket, tmp_path, monkeypatch):
    for method in ("open", "get_file"):
        fail_once(monkeypatch, bucket, method, TimeoutError("no answer"))
        with pytest.raises(DataError, match=r"films/sub/\w+\.mp4: cannot be (read|fetched) \(no answer\)"):
            prepare_videos("memory://bucket/films", tmp_path / "out")
    rows = prepare_videos("memory://bucket/films", tmp_path / "out")
    assert [row.status for row in rows if not row.name.endswith("notes.txt")] == ["ok"] * 4 + ["rejected"]


def test_an_object_that_is_forbidden_or_vanishes_is_one_reject(films, bucket, tmp_path, monkeypatch):
    fail_once(monkeypatch, bucket, "open", PermissionError("Access Denied"))
    rows = prepare_videos("memory://bucket/films", tmp_path / "out")
    assert rows[0].name == "sub/0.mp4" and (rows[0].kind, rows[0].reason) == ("NotMedia", "access denied")
    fail_once(monkeypatch, bucket, "get_file", FileNotFoundError("gone"))
    rows = prepare_videos("memory://bucket/films", tmp_path / "second")
    reasons = ["has no audio track", "is a file of text or data (.txt)", "no such file"]
    assert sorted(row.reason for row in rows if row.status == "rejected") == reasons


def test_names_of_a_store_are_no_paths(films, bucket, tmp_path, monkeypatch):
    content = (films / "0.mp4").read_bytes()
    other = (films / "1.mp4").read_bytes()
    bucket.pipe({"/odd/a//b.mp4": content, "/odd/a/b.mp4": other, "/odd/notes.txt": b"x"})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus.json").touch()  # of the place where the command was started: says nothing of the store
    rows = prepare_videos("memory://odd", tmp_path / "out")
    assert sorted((row.name, row.status) for row in rows) == [
        ("a//b.mp4", "ok"),
        ("a/b.mp4", "ok"),
        ("notes.txt", "rejected"),
    ]
