"""Jobs that embed an archive: what they write, by however many processes, and what becomes of it."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from random_networks import random_network
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from avnet.apps.archive import archive_file, intake, jobs
from avnet.apps.archive.archive_file import DiskFile
from avnet.apps.archive.jobs import embed_job, plan_jobs, read_job, run_job
from avnet.apps.archive.moments import EmbedOptions, read_samples
from avnet.apps.index import IndexOptions, index_files
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import IndexFolderError, MediaError, ModelFolderError, NotMedia
from avnet.files.storage import Folder
from avnet.index.index import Index
from avnet.media import write_wav

CARD = "# Card\n\n## Data\nnone\n\n## Metrics\n| metric | value |\n\n## Limits\nall\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A tiny model, and a folder of five sounds of one or two seconds, a silent one and one that is none."""
    place = tmp_path_factory.mktemp("place")
    config = replace(ModelConfig.small("ave"), image_size=32, widths=(4, 4, 8, 8), embedding_size=8)
    Model(config, random_network(config)).save(place / "model", CARD)
    (place / "media").mkdir()
    rng = np.random.default_rng(0)
    for i in range(5):
        write_wav(place / "media" / f"{i}.wav", rng.normal(0, 0.1, 8000 * (1 + i % 2)), 8000)
    write_wav(place / "media" / "silence.wav", np.zeros(8000), 8000)
    (place / "media" / "junk.wav").write_bytes(b"junk")
    return place


@pytest.fixture(scope="module")
def model(place):
    return Model.load(place / "model")


def plan(place, out):
    files = [DiskFile(path) for path in sorted((place / "media").glob("*.wav"))]
    return plan_jobs(files, place / "model", Model.load(place / "model").fingerprint, EmbedOptions(), Folder(str(out)))


def bytes_of(index):
    """Segments, and where all rows come from."""
    with Index.open(index) as store:
        rows = [store.entry(hit.id)[0] for hit in store.search(np.eye(8, dtype=np.float32)[0], 1000)]
    segments = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in index.glob("*.npy")}
    return segments, rows


def moments_of(embedded):
    assert not isinstance(embedded.result, MediaError)
    return embedded.result


def test_a_job_is_read_as_it_was_written(place, model, tmp_path, monkeypatch):
    monkeypatch.setattr(archive_file, "SETTLED_S", -60.0)  # files of a moment ago count as past
    (job,) = plan(place, tmp_path / "jobs")
    embed_job(job, model)
    first = (tmp_path / "jobs" / "000000.safetensors").read_bytes()
    results = read_job(job.out, model.fingerprint)
    assert [os.path.basename(one.file) for one in results] == [
        *(f"{i}.wav" for i in range(5)),
        "junk.wav",
        "silence.wav",
    ]
    assert isinstance(results[5].result, NotMedia) and "bytes, changed" in results[5].stamp
    source, moments = moments_of(results[1])
    assert source.file == results[1].file and source.content is not None and source.content.bytes > 0
    clips = [sample.array for sample in read_samples(Path(results[1].file), model.config, EmbedOptions())]
    waveforms = np.stack([clip for clip in clips if clip is not None])
    np.testing.assert_allclose(moments.embeddings, model.embed_waveforms(waveforms), atol=1e-5)
    _, silence = moments_of(results[6])
    assert silence.silent == 1 and silence.embeddings.shape == (0, 8)
    assert run_job(job) == 0 and (tmp_path / "jobs" / "000000.safetensors").read_bytes() == first


def test_damaged_results_are_refused(place, model, tmp_path):
    (job,) = plan(place, tmp_path / "jobs")
    embed_job(job, model)
    file = tmp_path / "jobs" / "000000.safetensors"
    with pytest.raises(IndexFolderError, match="another model"):
        read_job(str(file), "other")
    arrays = load_file(file)
    (tmp_path / "torn").write_bytes(file.read_bytes()[:-7])
    save_file({**arrays, "times": arrays["times"][1:]}, tmp_path / "short", facts_of(file))
    facts = json.loads(facts_of(file)["facts"])
    facts["files"][5]["refusal"][0] = "AvnetError"
    save_file(arrays, tmp_path / "strange", {"facts": json.dumps(facts)})
    save_file(arrays, tmp_path / "bare")
    for name in ("torn", "short", "strange", "bare", "absent"):
        with pytest.raises(IndexFolderError, match="is damaged"):
            read_job(str(tmp_path / name), model.fingerprint)


def facts_of(file):
    with safe_open(file, framework="numpy") as tensors:
        return tensors.metadata()


def test_files_are_dealt_by_number_and_size(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "FILES", 3)
    monkeypatch.setattr(jobs, "BYTES", 10)
    files = [tmp_path / name for name in "abcdefg"]
    for file, size in zip(files, (1, 1, 1, 1, 12, 9, 2), strict=True):
        file.write_bytes(bytes(size))
    planned = plan_jobs(
        [*map(DiskFile, files), DiskFile(tmp_path / "absent")], None, "f", IndexOptions(half=True), Folder("x")
    )
    names = ["".join(os.path.basename(file)[0] for file in job.files) for job in planned]
    assert names == ["abc", "d", "e", "f", "ga"] and [job.number for job in planned] == [0, 1, 2, 3, 4]
    assert planned[0].options == EmbedOptions() and planned[0].model == ""


def test_an_index_is_the_same_by_two_processes_and_in_any_order(place, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "FILES", 2)
    monkeypatch.setattr(intake, "SAVE_ROWS", 3)
    reports = [index_files(place / "model", tmp_path / "one", [place / "media"])]
    reports.append(index_files(place / "model", tmp_path / "two", [place / "media"], IndexOptions(workers=2)))
    model = Model.load(place / "model")

    def backwards(planned):
        for job in reversed(planned):
            embed_job(job, model)
            yield job.number

    reports.append(index_files(model, tmp_path / "three", [place / "media"], runner=backwards))
    segments, rows = bytes_of(tmp_path / "one")
    assert len(segments) > 1 and len(rows) == 7
    for index, report in zip(("one", "two", "three"), reports, strict=True):
        assert (report.files, report.sounds, report.silent, len(report.refusals)) == (6, 7, 1, 1)
        assert bytes_of(tmp_path / index) == (segments, rows)
        assert not (tmp_path / index / ".jobs").exists()


def test_what_a_killed_run_has_embedded_is_taken_over(place, model, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "FILES", 2)
    index, media = tmp_path / "index", tmp_path / "media"
    shutil.copytree(place / "media", media)

    def killed(planned):
        embed_job(planned[1], model)
        embed_job(planned[3], model)
        (index / ".jobs" / ".000002.safetensors.tmp").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index_files(model, index, [media], runner=killed)
    with Index.open(index) as store:
        assert sorted(os.path.basename(state.path) for state in store.upkeep.file_states()) == [
            "2.wav",
            "3.wav",
            "silence.wav",
        ]
    assert not (index / ".jobs").exists()
    # And where nobody was left to take it in.
    files = [DiskFile(media / name) for name in ("0.wav", "1.wav")]
    planned = plan_jobs(files, None, model.fingerprint, EmbedOptions(), Folder(str(index / ".jobs")))
    embed_job(planned[0], model)
    (index / ".jobs" / "000007.safetensors").write_bytes(b"half")
    embedded = []

    def note(planned):
        embedded.extend(os.path.basename(file) for job in planned for file in job.files)
        for job in planned:
            embed_job(job, model)
            yield job.number

    report = index_files(model, index, [media], runner=note)
    assert embedded == ["4.wav", "junk.wav"] and report.files == 3 and not (index / ".jobs").exists()


def test_a_model_that_changes_meanwhile_is_refused(place, tmp_path):
    (job,) = plan_jobs([DiskFile(place / "media" / "0.wav")], place / "model", "0" * 64, EmbedOptions(), Folder("x"))
    with pytest.raises(ModelFolderError, match="another model than when the run began"):
        run_job(job)
