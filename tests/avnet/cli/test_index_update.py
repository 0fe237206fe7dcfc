"""`avnet index --update`, `--prune`, `--watch` and `avnet compact-index`."""

import errno
import fcntl
import json
import os
import shutil

import pytest

from avnet.apps import index as app
from avnet.apps.archive import archive_file, jobs
from avnet.correspondence.model import Model
from avnet.index.index import Index

SEGMENTS = ["segment-00000001.npy", "segment-00000002.npy"]


@pytest.fixture
def archive(media, tmp_path, monkeypatch):
    """A folder of two images and a sound, whose times count as past."""
    monkeypatch.setattr(archive_file, "SETTLED_S", -60.0)
    (tmp_path / "media").mkdir()
    shutil.copy(media / "photo.png", tmp_path / "media" / "photo.png")
    shutil.copy(media / "noise.wav", tmp_path / "media" / "noise.wav")
    return tmp_path / "media"


def files_of(folder):
    with Index.open(folder) as index:
        return sorted(os.path.basename(state.path) for state in index.upkeep.file_states())


def test_update_follows_an_archive(run, models, archive, tmp_path, monkeypatch):
    update = ("index", models / "ave", tmp_path / "index", archive, "--update")
    assert run(*update)[0] == 0
    monkeypatch.setattr(Model, "load", lambda _: pytest.fail("the model is opened for nothing"))
    (archive / "deep ☂").mkdir()
    (archive / "photo.png").rename(archive / "deep ☂" / "it's 1%\n.png")
    (archive / "noise.wav").unlink()
    code, out, err = run(*update)
    assert (code, err) == (0, "")
    assert "found 1 files under another name" in out and "kept the entries of 1 files that are gone" in out
    assert files_of(tmp_path / "index") == ["it's 1%\n.png", "noise.wav"]
    code, out, _ = run(*update, "--prune")
    assert code == 0 and "removed the entries of 1 files that are gone" in out and "holds 1 images and 0 sounds" in out
    assert files_of(tmp_path / "index") == ["it's 1%\n.png"]


def test_entries_of_a_folder_that_is_missing_are_not_removed(run, refusal_of, models, archive, tmp_path):
    index = tmp_path / "index"
    run("index", models / "ave", index, archive)
    archive.rename(tmp_path / "elsewhere")
    assert "no such file" in refusal_of("index", models / "ave", index, archive, "--update", "--prune")
    assert files_of(index) == ["noise.wav", "photo.png"]
    line = refusal_of("index", models / "ave", index, archive, "--prune")
    assert line == "error: --prune: goes with --update"


def test_a_file_that_cannot_be_read_is_tried_again_when_it_changes(run, models, archive, media, tmp_path):
    update = ("index", models / "ave", tmp_path / "index", archive, "--update")
    (archive / "later.png").write_bytes(b"half a file")
    assert "rejected 1 files" in run(*update)[1]
    code, out, err = run(*update)
    assert (code, err) == (0, "") and "rejected" not in out and "skipped 1 files that could not be read before" in out
    shutil.copy(media / "photo.png", archive / "later.png")
    assert "added 1 images" in run(*update)[1]
    assert (tmp_path / "index" / "rejected.jsonl").read_text() == ""


def test_a_file_that_changes_while_it_is_read_is_read_again(run, models, archive, tmp_path, monkeypatch):
    read, times = jobs.read_samples, []

    def meanwhile(file, *args, **options):
        yield from read(file, *args, **options)
        if file.name == "photo.png" and len(times) < changes:
            times.append(file)
            os.utime(file, (len(times), len(times)))

    monkeypatch.setattr(jobs, "read_samples", meanwhile)
    changes = 2
    code, out, _ = run("index", models / "ave", tmp_path / "one", archive)
    assert code == 0 and "added 1 images" in out
    times, changes = [], 3
    _, out, err = run("index", models / "ave", tmp_path / "two", archive)
    assert "added 0 images and 2 sounds" in out and "changes while it is read" in err


def test_a_second_writer_is_refused_and_the_folder_is_as_it_was(refusal_of, models, archive, tmp_path):
    index = tmp_path / "index"
    index.mkdir()
    descriptor = os.open(index, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        line = refusal_of("index", models / "ave", index, archive)
        assert line == f"error: {index}: another run is writing into it; wait for that to end"
    finally:
        os.close(descriptor)
    assert os.listdir(index) == []


def test_watching_takes_in_what_comes_and_ends_with_ctrl_c(run, models, archive, media, tmp_path, monkeypatch):
    rounds = []

    def sleep(seconds):
        assert seconds == 7.0
        rounds.append(seconds)
        if len(rounds) == 1:
            shutil.copy(media / "photo.png", archive / "second.png")
            with open(archive / "second.png", "ab") as file:
                file.write(b"x")  # or it would be the copy of another
        elif len(rounds) == 2:
            archive.rename(tmp_path / "away")
        elif len(rounds) == 3:
            (tmp_path / "away").rename(archive)
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr(app.time, "sleep", sleep)
    code, out, err = run("index", models / "ave", tmp_path / "index", archive, "--watch", "--interval", 7)
    assert code == 0
    assert out.count("holds") == 2 and "holds 2 images" in out  # of the first round, and of the second
    assert "no such file" in err and err.rstrip().endswith("holds all that was embedded")


def test_a_full_disk_is_told_in_one_line_and_the_next_run_goes_on(
    run, refusal_of, models, archive, tmp_path, monkeypatch
):
    index = tmp_path / "index"

    def save(file, vectors):
        file.write(b"half a segment")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("avnet.index.segment.np.save", save)
        line = refusal_of("index", models / "ave", index, archive)
    assert line == f"error: {index}/segment-00000001.npy: cannot be written (No space left on device)"
    code, out, _ = run("index", models / "ave", index, archive, "--update")
    assert code == 0 and "added 1 images and 2 sounds of 2 files" in out
    assert sorted(os.listdir(index)) == [".readers-00000000", "artifact.json", "index.sqlite", *SEGMENTS]


def test_an_index_of_another_model_or_a_newer_avnet_is_refused_in_one_line(run, refusal_of, models, archive, tmp_path):
    index = tmp_path / "index"
    run("index", models / "ave", index, archive)
    line = refusal_of("index", models / "l3", index, archive, "--update")
    assert line.startswith("error: ") and ("another model" in line or "not aligned" in line)
    header = json.loads((index / "artifact.json").read_text())
    (index / "artifact.json").write_text(json.dumps(header | {"version": 99}))
    assert "99" in refusal_of("index", models / "ave", index, archive, "--update")


def test_compact_index(run, refusal_of, models, archive, media, tmp_path):
    index = tmp_path / "index"
    run("index", models / "ave", index, archive / "photo.png")
    run("index", models / "ave", index, media / "video.mp4")
    code, out, _ = run("compact-index", index)
    assert (code, out) == (0, f"{index} had 3 segments and has 2\n")
    assert "not" in refusal_of("compact-index", archive)
