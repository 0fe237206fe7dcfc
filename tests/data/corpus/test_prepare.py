import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from media.films import digests, film, run, shards
from media.media_files import make_mute, make_sound, make_video, silence, tone, truncate

from avnet.errors import ConfigError, DataError
from avnet.files.storage import Folder
from data.corpus import manifest
from data.corpus.config import PrepareConfig, RepairConfig
from data.corpus.corpus import locked, read_manifest
from data.corpus.jobs import Input
from data.corpus.prepare import plan_jobs, prepare, splits_of
from data.corpus.repair import repair
from data.records.records import open_split, split_sizes
from data.sampling.config import SamplingConfig


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Nine videos, one of them long enough for two segments."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(9):
        film(folder / f"film_{number}.mp4", number, 3.0 if number == 0 else 1.2)
    return folder


@pytest.fixture(scope="module")
def records(films, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared") / "out"
    rows = run(films, out, videos_per_shard=2)
    return out, rows


def test_every_input_has_a_status_and_a_reason(tmp_path):
    folder = tmp_path / "films"
    film(folder / "ok.mp4", 1)
    film(folder / "again.mp4", 1)
    make_mute(folder / "mute.mp4")
    make_sound(folder / "blind.mp4", 2.0, suffix=".wav")
    make_video(folder / "short.mp4", 0.4)
    make_video(folder / "silent.mp4", sound=silence)
    make_video(folder / "half.mp4", 3.0, sound=lambda t: tone()(t) * (t < 1.4), fps=5.0)
    truncate(make_video(folder / "cut.mp4"), 0.5)
    (folder / "noise.mp4").write_bytes(bytes(range(256)) * 20)
    (folder / "empty.mp4").touch()
    (folder / "folder.mp4").mkdir()
    (folder / "folder.mp4" / "inside.mp4").touch()
    (folder / "notes.txt").write_text("not looked at")
    (folder / ".hidden.mp4").write_text("not looked at")
    address = Path("https://example.org/film.mp4")
    rows = run((folder, address), tmp_path / "out")
    assert rows == read_manifest(tmp_path / "out")
    result = {row.name: (row.status, row.kind, row.reason) for row in rows}
    reason = "is damaged or not a video or sound file that can be read"
    expected = {
        "ok.mp4": ("rejected", "Duplicate", "has the same content as again.mp4"),
        "again.mp4": ("ok", "", ""),
        "mute.mp4": ("rejected", "NoAudioTrack", "has no audio track"),
        "blind.mp4": ("rejected", "NoVideoTrack", "has no video track"),
        "silent.mp4": ("rejected", "Silent", "is silent (below -60 dBFS throughout)"),
        "half.mp4": ("partial", "", "1 of 2 segments are silent"),
        "cut.mp4": ("rejected", "NotMedia", reason),
        "noise.mp4": ("rejected", "NotMedia", reason),
        "empty.mp4": ("rejected", "NotMedia", "is empty"),
        "folder.mp4/inside.mp4": ("rejected", "NotMedia", "is empty"),
        "notes.txt": ("rejected", "NotMedia", "is a file of text or data (.txt)"),
        ".hidden.mp4": ("rejected", "NotMedia", "is hidden; rename it, or name the file itself"),
        "https://example.org/film.mp4": ("rejected", "NotMedia", "is an address, not a file; download it first"),
    }
    short = result.pop("short.mp4")
    assert short[:2] == ("rejected", "TooShort") and "1 s are needed" in short[2]
    assert result == expected
    assert split_sizes(tmp_path / "out") == {"train": 3}
    assert manifest.reject_counts(rows)["NotMedia"] == 7


def test_manifest_counts_what_the_records_hold(records):
    out, rows = records
    assert [row.name for row in rows] == [f"film_{number}.mp4" for number in range(9)]
    assert {row.status for row in rows} == {"ok"}
    assert [row.records for row in rows] == [2] + [1] * 8
    source = open_split(out, "train")
    counts = defaultdict(int)
    for i in range(len(source)):
        counts[source[i].name, source[i].video] += 1
    assert counts == {(row.name, row.video): row.records for row in rows}
    assert rows[0].seconds == pytest.approx(3.0, abs=0.05)


def test_number_of_workers_changes_no_byte(films, records, tmp_path):
    run(films, tmp_path / "two", videos_per_shard=2, workers=2)
    assert digests(tmp_path / "two") == digests(records[0])
    assert len(shards(tmp_path / "two")) == 5


def test_running_again_changes_nothing(films, records):
    out, rows = records
    before = {file: file.stat().st_mtime_ns for file in out.iterdir()}
    assert run(films, out, videos_per_shard=2) == rows
    assert {file: file.stat().st_mtime_ns for file in out.iterdir()} == before


def command(films, out):
    options = ["--short-side", "32", "--segment-s", "1.5", "--workers", "1", "--videos-per-shard", "2"]
    fractions = ["--fractions", "1", "0", "0"]
    return [sys.executable, "-m", "data", "prepare", str(films), "--out", str(out), *options, *fractions]


def kill_midway(films, out) -> bool:
    """Starts the command and kills all its processes when the first shard is finished; whether others were not."""
    root = Path(__file__).parents[3]
    process = subprocess.Popen(command(films, out), cwd=root, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(out.glob(".partial/train-*.json")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return 1 <= len(list(out.glob(".partial/train-*.json"))) < 5


def test_killed_run_goes_on_to_the_same_bytes(films, records, tmp_path):
    out = next(out for i in range(5) if kill_midway(films, out := tmp_path / f"out{i}"))
    (out / ".partial" / ".train-00004.array_record.0123456789abcdef.tmp").write_text("half a shard")
    with pytest.raises(DataError, match="holds no prepared records"):
        open_split(out, "train")
    run(films, out, videos_per_shard=2)
    assert digests(out) == digests(records[0])


def test_finished_jobs_are_not_done_again(films, records, tmp_path, monkeypatch):
    def die(out, results, rejects):
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("data.corpus.prepare.publish", die)
        with pytest.raises(KeyboardInterrupt):
            run(films, out, videos_per_shard=2)
    monkeypatch.setattr("data.corpus.prepare.run_shard_job", lambda job: pytest.fail("done again"))
    run(films, out, videos_per_shard=2)
    assert digests(out) == digests(records[0])


def test_hashes_that_were_found_are_not_found_again(films, records, tmp_path, monkeypatch):
    def die(config, plan):
        raise KeyboardInterrupt

    monkeypatch.setattr("data.corpus.prepare.FILES_PER_HASH_JOB", 2)
    with monkeypatch.context() as patch:
        patch.setattr("data.corpus.prepare.plan_jobs", die)
        with pytest.raises(KeyboardInterrupt):
            run(films, tmp_path / "out", videos_per_shard=2)
    assert len(list((tmp_path / "out" / ".partial").glob("hashes-*.json"))) == 5
    film(films.parent / "more" / "new.mp4", 77)
    with monkeypatch.context() as patch:
        patch.setattr("data.corpus.prepare.run_hash_job", lambda job: pytest.fail("read again"))
        run(films, tmp_path / "out", videos_per_shard=2)
    assert digests(tmp_path / "out") == digests(records[0])


def test_names_that_cannot_be_told_in_utf8_are_told_apart(tmp_path):
    folder = os.fsencode(tmp_path / "films")
    os.mkdir(folder)
    for number, name in enumerate((b"a\xff.mp4", b"a\xfe.mp4", b"b.mp4")):
        film(tmp_path / "made.mp4", number)
        os.rename(tmp_path / "made.mp4", os.path.join(folder, name))
    names = [row.name for row in run(tmp_path / "films", tmp_path / "out")]
    assert len(set(names)) == 3 and "b.mp4" in names


def test_other_options_or_videos_in_the_same_folder_are_refused(films, tmp_path):
    out = tmp_path / "out"
    film(tmp_path / "a" / "film.mp4", 1)
    run(tmp_path / "a", out)
    before = digests(out)
    with pytest.raises(DataError, match="--overwrite") as refusal:
        run(tmp_path / "a", out, sampling=SamplingConfig(short_side=48))
    assert str(refusal.value).startswith(f"{out}: ")
    film(tmp_path / "a" / "second.mp4", 2)
    with pytest.raises(DataError, match="other videos or options"):
        run(tmp_path / "a", out)
    assert digests(out) == before


def test_overwriting_replaces_everything(tmp_path):
    out = tmp_path / "out"
    film(tmp_path / "a" / "film.mp4", 1)
    film(tmp_path / "b" / "other.mp4", 2)
    run(tmp_path / "a", out)
    (out / "contact_sheet.jpg").touch()
    run(tmp_path / "b", out, overwrite=True)
    run(tmp_path / "b", tmp_path / "fresh")
    assert digests(out) == digests(tmp_path / "fresh")


def test_folder_of_something_else_is_left_alone(tmp_path):
    film(tmp_path / "a" / "film.mp4", 1)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.json").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(DataError, match="is not empty and not a folder of records"):
            run(tmp_path / "a", tmp_path / "home", overwrite=overwrite)
    assert (tmp_path / "home" / "thesis.json").read_text() == "years of work"
    with pytest.raises(DataError, match="is not a folder"):
        run(tmp_path / "a", tmp_path / "home" / "thesis.json")


def test_a_folder_for_unfinished_work_that_is_another_programs_is_left_alone(tmp_path):
    film(tmp_path / "a" / "film.mp4", 1)
    (tmp_path / "out" / ".partial").mkdir(parents=True)
    (tmp_path / "out" / ".partial" / "mine").write_text("years of work")
    with pytest.raises(DataError, match="was not written by this program"):
        run(tmp_path / "a", tmp_path / "out")
    assert (tmp_path / "out" / ".partial" / "mine").read_text() == "years of work"


def test_a_video_that_changes_after_its_hash_was_taken_is_rejected(tmp_path, monkeypatch):
    for number in range(2):
        film(tmp_path / "a" / f"{number}.mp4", number)

    def change(config, *folders):
        film(tmp_path / "a" / "1.mp4", 5)
        return plan_jobs(config, *folders)

    monkeypatch.setattr("data.corpus.prepare.plan_jobs", change)
    rows = run(tmp_path / "a", tmp_path / "out")
    assert [(row.name, row.kind) for row in rows] == [("0.mp4", ""), ("1.mp4", "Damaged")]
    assert rows[1].reason == "has changed since its hash was taken" and rows[1].records == 0


@pytest.mark.parametrize("out", ["S3://bucket/x", "http://host/x", "s3://", "file:///tmp/x", "x\udcff"])
def test_an_output_that_is_no_place_is_refused(out):
    with pytest.raises(ConfigError, match="--out"):
        PrepareConfig(("a",), out)


def test_a_leading_tilde_is_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "a" / "film.mp4", 1)
    run(tmp_path / "a", "~here")
    assert split_sizes(tmp_path / "~here") == {"train": 2}


def test_only_rejects_are_refused_and_leave_no_plan(tmp_path):
    (tmp_path / "a").mkdir()
    make_mute(tmp_path / "a" / "mute.mp4")
    (tmp_path / "a" / "noise.mp4").write_bytes(b"noise" * 100)
    with pytest.raises(DataError, match="none of 2 inputs could be used"):
        run(tmp_path / "a", tmp_path / "out")
    film(tmp_path / "a" / "good.mp4", 1)
    assert len(run(tmp_path / "a", tmp_path / "out")) == 3


def test_nothing_to_prepare_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="holds no video that can be used") as refusal:
        run(tmp_path / "a", tmp_path / "out")
    assert str(tmp_path / "a") in str(refusal.value)
    with pytest.raises(DataError, match="no such file"):
        run(tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_hash_puts_all_segments_of_a_video_in_one_split(films, tmp_path):
    rows = run(films, tmp_path / "out", fractions=(0.4, 0.3, 0.3), sampling=SamplingConfig(segment_s=1.0, clip_s=0.5))
    assert sum(row.records for row in rows) == sum(split_sizes(tmp_path / "out").values()) > 9
    places = defaultdict(set)
    for split in split_sizes(tmp_path / "out"):
        source = open_split(tmp_path / "out", split)
        for i in range(len(source)):
            places[source[i].video].add(split)
    assert len(places) == 9 and all(len(splits) == 1 for splits in places.values())
    assert len({split for splits in places.values() for split in splits}) > 1


def test_split_is_that_share_of_the_hashes():
    config = PrepareConfig((Path("x"),), Path("y"), fractions=(0.5, 0.25, 0.25))
    positions = (0.0, 0.499, 0.5, 0.75, 0.999)
    inputs = [Input("p", "n", f"{int(position * 16**12):012x}") for position in positions]
    assert splits_of(inputs, config) == ["train", "train", "validation", "test", "test"]
    by_rank = dataclasses.replace(config, split_by="rank")
    assert splits_of(inputs[:4], by_rank) == ["train", "train", "validation", "test"]


@pytest.mark.parametrize("split_by", ["hash", "rank"])
@pytest.mark.parametrize(("count", "splits"), [(1, 1), (2, 2), (3, 3), (8, 3)])
def test_few_videos_leave_no_split_empty(split_by, count, splits):
    config = PrepareConfig((Path("x"),), Path("y"), split_by=split_by)
    inputs = [Input("p", "n", f"{i:012x}") for i in range(count)]  # by hash all are of train
    shares = list(splits_of(inputs, config))
    assert len(set(shares)) == splits and shares.count("train") == max(1, count - 2)
    whole = dataclasses.replace(config, fractions=(1.0, 0.0, 0.0))
    assert set(splits_of(inputs, whole)) == {"train"}


def test_folders_name_the_splits(tmp_path):
    for number, split in enumerate(("train", "validation", "test", "other")):
        film(tmp_path / "films" / split / f"{split}.mp4", number)
    rows = run(tmp_path / "films", tmp_path / "out", split_by="folder")
    assert {row.name: row.split for row in rows if row.records} == {
        "train/train.mp4": "train",
        "validation/validation.mp4": "validation",
        "test/test.mp4": "test",
    }
    (reject,) = [row for row in rows if row.status == "rejected"]
    assert (reject.name, reject.kind) == ("other/other.mp4", "NoSplit")
    assert split_sizes(tmp_path / "out").keys() == {"train", "validation", "test"}


def test_damaged_manifest_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has no manifest\.jsonl"):
        read_manifest(tmp_path)
    for text in ("{", json.dumps({"nme": 1}), "[1]"):
        (tmp_path / manifest.FILE).write_text(text)
        with pytest.raises(DataError, match="is damaged"):
            read_manifest(tmp_path)


def test_options_that_cannot_be_are_refused(tmp_path):
    for options in ({"fractions": (0.5, 0.1, 0.1)}, {"fractions": (1.5, -0.5, 0)}, {"workers": 0}):
        with pytest.raises(ConfigError):
            run(tmp_path, tmp_path, **options)
    with pytest.raises(ConfigError, match="names no file or folder"):
        PrepareConfig((), tmp_path)


def test_overwriting_leaves_files_of_other_programs(tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    make_video(films / "a.mp4", 1.2)
    prepare(PrepareConfig((films,), tmp_path / "out"))
    (tmp_path / "out" / "mine.json").touch()
    prepare(PrepareConfig((films,), tmp_path / "out", fractions=(0.0, 0.0, 1.0), overwrite=True))
    assert (tmp_path / "out" / "mine.json").exists()


def test_inputs_of_one_name_are_both_kept_and_told_apart(tmp_path):
    first = film(tmp_path / "a" / "film.mp4", 1)
    second = film(tmp_path / "b" / "film.mp4", 2)
    for number, folders in enumerate(((tmp_path / "a", tmp_path / "b"), (first, second))):
        out = tmp_path / f"out{number}"
        rows = run(folders, out)
        assert [row.status for row in rows] == ["ok", "ok"]
        assert len({row.name for row in rows}) == len({row.video for row in rows}) == 2
        assert all(row.name.endswith("film.mp4") for row in rows)
        source = open_split(out, "train")
        result = {(source[i].name, source[i].video) for i in range(len(source))}
        assert result == {(row.name, row.video) for row in rows}


def test_a_second_run_into_a_folder_is_refused_at_once(films, tmp_path):
    out = tmp_path / "out"
    config = PrepareConfig((films,), out, workers=1, sampling=SamplingConfig(short_side=32))
    for again in (lambda: prepare(config), lambda: prepare(dataclasses.replace(config, overwrite=True))):
        with locked(Folder(str(out))), pytest.raises(DataError, match="another run is writing into this folder"):
            again()
        assert not out.exists()
    prepare(config)
    with locked(Folder(str(out))), pytest.raises(DataError, match="another run is writing into this folder"):
        repair(RepairConfig(out))
    prepare(config)
