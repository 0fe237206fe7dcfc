import pytest
from media.media_files import make_mute, make_video, tone

from avnet.errors import DataError
from avnet.files.storage import Folder
from data.corpus.config import PrepareConfig
from data.corpus.prepare import prepare
from data.records.records import open_split


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
