"""Archives in a store of objects: embedded, and kept up to date by what the store calls a version."""

import json
from dataclasses import replace

import numpy as np
import pytest
from random_networks import random_network

from avnet.apps.archive import jobs
from avnet.apps.archive.archive_file import StoredFile, find_files
from avnet.apps.archive.intake import Intake
from avnet.apps.archive.jobs import embed_job
from avnet.apps.index import IndexOptions, index_files
from avnet.apps.search import SearchOptions, search
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import DataError
from avnet.index.index import Index
from avnet.media import write_wav
from avnet.pages.search_page import search_page

ARCHIVE = "memory://archive/sounds"


@pytest.fixture(scope="module")
def model():
    config = replace(ModelConfig.small("ave"), image_size=32, widths=(4, 4, 8, 8), embedding_size=8)
    return Model(config, random_network(config))


@pytest.fixture
def sounds(tmp_path, bucket):
    """Three sounds in a folder, and the same in the store, beside what is none."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in "abc":
        write_wav(folder / f"{name}.wav", rng.normal(0, 0.1, 8000), 8000)
    (folder / "junk.wav").write_bytes(b"junk")
    (folder / "notes.txt").write_text("not looked at")
    for file in folder.iterdir():
        bucket.put_file(str(file), f"/archive/sounds/{file.name}")
    return folder


def rows_of(index):
    with Index.open(index) as store:
        hits = store.search(np.eye(8, dtype=np.float32)[0], 100)
        return {(hit.file.rpartition("/")[2], hit.time_s): hit.score for hit in hits}, {hit.file for hit in hits}


def test_an_archive_in_a_store_gives_what_it_gives_on_a_disk(model, sounds, tmp_path):
    here = index_files(model, tmp_path / "here", [sounds])
    there = index_files(model, tmp_path / "there", [ARCHIVE + "/"])
    assert (there.files, there.sounds, len(there.refusals)) == (here.files, here.sounds, len(here.refusals))
    (scores, _), (others, files) = rows_of(tmp_path / "here"), rows_of(tmp_path / "there")
    assert scores == others and files == {f"{ARCHIVE}/{name}.wav" for name in "abc"}
    rejected = [json.loads(line) for line in (tmp_path / "there" / "rejected.jsonl").read_text().splitlines()]
    assert {row["file"].rpartition("/")[2]: row["reason"] for row in rejected} == {
        "junk.wav": next(error.reason for error in here.refusals if error.subject.endswith("junk.wav")),
        "notes.txt": "is a file of text or data (.txt)",
    }
    assert all(row["file"].startswith(ARCHIVE) for row in rejected)


def test_what_has_not_changed_is_not_fetched(model, sounds, tmp_path, bucket, monkeypatch):
    index_files(model, tmp_path / "index", [ARCHIVE])
    fetched = []
    monkeypatch.setattr(type(bucket), "get_file", lambda _, path, *__: fetched.append(path))
    for options in (IndexOptions(), IndexOptions(update=True)):
        report = index_files(model, tmp_path / "index", [ARCHIVE], options)
        assert (report.files, report.unchanged) == (0, 3)
    # Without --update what was refused is tried again, as on a disk.
    assert fetched == ["/archive/sounds/junk.wav"]


def test_objects_that_changed_moved_or_went_are_seen(model, sounds, tmp_path, bucket):
    index_files(model, tmp_path / "index", [ARCHIVE])
    write_wav(tmp_path / "other.wav", np.random.default_rng(1).normal(0, 0.1, 16000), 8000)
    bucket.put_file(str(tmp_path / "other.wav"), "/archive/sounds/a.wav")
    bucket.mv("/archive/sounds/b.wav", "/archive/sounds/deep/b2.wav")
    bucket.rm("/archive/sounds/c.wav")
    report = index_files(model, tmp_path / "index", [ARCHIVE], IndexOptions(update=True, prune=True))
    assert (report.files, report.moved, report.pruned, report.unchanged) == (1, 1, 1, 0)
    rows, files = rows_of(tmp_path / "index")
    assert files == {f"{ARCHIVE}/a.wav", f"{ARCHIVE}/deep/b2.wav"} and len(rows) == 3


def test_an_update_of_a_folder_asks_no_store(model, sounds, tmp_path, bucket, monkeypatch):
    index_files(model, tmp_path / "index", [ARCHIVE, sounds])
    for method in ("info", "find"):
        monkeypatch.setattr(type(bucket), method, lambda *_, **__: pytest.fail("a store is asked"))
    report = index_files(model, tmp_path / "index", [sounds], IndexOptions(update=True, prune=True))
    assert (report.unchanged, report.gone, report.pruned) == (3, 0, 0)


def test_an_object_that_is_forbidden_or_vanishes_is_counted(model, sounds, tmp_path, bucket, monkeypatch):
    fetch = type(bucket).get_file

    def flaky(store, path, *rest, **options):
        if path.endswith("a.wav"):
            raise PermissionError("Access Denied")
        if path.endswith("b.wav"):
            raise FileNotFoundError(path)
        return fetch(store, path, *rest, **options)

    monkeypatch.setattr(type(bucket), "get_file", flaky)
    report = index_files(model, tmp_path / "index", [ARCHIVE])
    reasons = {error.subject.rpartition("/")[2]: error.reason for error in report.refusals}
    assert report.files == 1 and (reasons["a.wav"], reasons["b.wav"]) == ("permission denied", "no such file")


def test_a_store_that_does_not_answer_ends_the_run_and_the_next_goes_on(model, sounds, tmp_path, bucket, monkeypatch):
    def silent(*_, **__):
        raise TimeoutError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(type(bucket), "get_file", silent)
        with pytest.raises(DataError, match=r"sounds/a\.wav: cannot be fetched \(no answer\)"):
            index_files(model, tmp_path / "index", [ARCHIVE])
        patch.setattr(type(bucket), "find", silent)
        with pytest.raises(DataError, match=r"sounds: cannot be listed \(no answer\)"):
            index_files(model, tmp_path / "index", [ARCHIVE])
    assert index_files(model, tmp_path / "index", [ARCHIVE]).files == 3


def test_an_object_that_changes_while_it_is_read_is_read_again(model, sounds, tmp_path, bucket, monkeypatch):
    fetch, count = type(bucket).get_file, []

    def changing(store, path, *rest, **options):
        fetch(store, path, *rest, **options)
        if path.endswith("a.wav") and not count:
            count.append(path)
            bucket.put_file(str(sounds / "b.wav"), path)

    monkeypatch.setattr(type(bucket), "get_file", changing)
    index_files(model, tmp_path / "index", [ARCHIVE])
    rows, _ = rows_of(tmp_path / "index")
    assert rows["a.wav", 0.5] == pytest.approx(rows["b.wav", 0.5], abs=1e-6)


def test_what_is_embedded_waits_in_a_place_of_its_own_for_each_index(model, sounds, tmp_path, bucket, monkeypatch):
    monkeypatch.setattr(jobs, "FILES", 1)
    index_files(model, tmp_path / "plain", [ARCHIVE])
    scratch = "memory://scratch/jobs"

    def killed(planned):
        for job in planned[:2]:
            embed_job(job, model)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Intake, "take_over", lambda _: None)  # as if the process were gone
        with pytest.raises(KeyboardInterrupt):
            index_files(model, tmp_path / "index", [ARCHIVE], runner=killed, scratch=scratch)
    waiting = bucket.find("/scratch")
    assert len(waiting) == 2 and all(job.startswith("/scratch/jobs/avnet-") for job in waiting)
    index_files(model, tmp_path / "other", [ARCHIVE], scratch=scratch)
    assert bucket.find("/scratch") == waiting
    index_files(model, tmp_path / "index", [ARCHIVE], scratch=scratch)
    assert rows_of(tmp_path / "index") == rows_of(tmp_path / "other") == rows_of(tmp_path / "plain")
    assert not bucket.find("/scratch")


def test_what_is_found_in_a_store_is_shown(model, sounds, tmp_path, bucket):
    index_files(model, tmp_path / "index", [ARCHIVE])
    options = SearchOptions(kind="sound")
    result = search(model, tmp_path / "index", sound=sounds / "a.wav", options=options)
    matches = result.answers[0].matches
    assert matches[0].file == f"{ARCHIVE}/a.wav" and not any(match.missing for match in matches)
    assert search_page(result).count("<audio") == 1 + len(matches)
    bucket.rm(matches[0].file.removeprefix("memory:/"))
    assert "cannot be shown: no such file" in search_page(result)


def test_one_object_an_empty_place_and_one_without_media(sounds, bucket):
    (file,), left_out = find_files([f"{ARCHIVE}/a.wav"])
    assert file == StoredFile(f"{ARCHIVE}/a.wav") and not left_out
    with pytest.raises(DataError, match="has no file of that name or below it"):
        find_files(["memory://archive/nothing"])
    bucket.pipe_file("/texts/notes.txt", b"x")
    with pytest.raises(DataError, match=r"holds no image, sound or video file \(notes\.txt is a file of text"):
        find_files(["memory://texts"])
