import hashlib
import json
import os
import shutil

import pytest
from media.media_files import make_mute, make_video, tone

from avnet.errors import DataError
from data.corpus.config import PrepareConfig, RepairConfig, VerifyConfig
from data.corpus.corpus import JOBS, PLAN
from data.corpus.prepare import prepare
from data.corpus.repair import repair
from data.corpus.verify import read_checksums, verify
from data.records.records import CHECKSUMS, INFO, open_split


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "films").mkdir()
    for i in range(5):
        make_video(folder / "films" / f"{i}.mkv", 1.3, sound=tone(300 + 50 * i))
    make_mute(folder / "films" / "mute.mp4")
    (folder / "films" / "noise.mp4").write_bytes(b"noise" * 100)
    prepare(PrepareConfig((folder / "films",), folder / "out", videos_per_shard=2, fractions=(1, 0, 0), workers=1))
    return folder


@pytest.fixture
def folder(original, tmp_path):
    """A copy of the records; the videos lie where they were."""
    shutil.copytree(original / "out", tmp_path / "out")
    return tmp_path / "out"


def digests(folder):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def shard(folder, number):
    return sorted(folder.glob("*.array_record-*"))[number]


def delete(folder):
    shard(folder, 0).unlink()


def cut(folder):
    path = shard(folder, 1)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(folder):
    data = bytearray(shard(folder, 1).read_bytes())
    data[len(data) // 2] ^= 1
    shard(folder, 1).write_bytes(data)


def lose_all_shards(folder):
    for path in list(folder.glob("*.array_record-*")):
        path.unlink()


def lose_the_rest(folder):
    for name in ("manifest.jsonl", "near_duplicates.json", "features.json", INFO, CHECKSUMS):
        (folder / name).unlink()


def garble(folder):
    (folder / "manifest.jsonl").write_text("{")
    (folder / CHECKSUMS).write_text("")
    (folder / "features.json").write_bytes(b"\xff")


@pytest.mark.parametrize("damage", [delete, cut, flip, lose_all_shards, lose_the_rest, garble])
def test_damage_is_seen_and_made_good_to_the_byte(original, folder, damage, capsys):
    damage(folder)
    assert digests(folder) != digests(original / "out")
    with pytest.raises(DataError):
        verify(VerifyConfig(folder))
    repair(RepairConfig(folder))
    assert digests(folder) == digests(original / "out")
    assert "made again" in capsys.readouterr().out
    verify(VerifyConfig(folder))


def test_what_is_whole_is_left_alone(folder, capsys):
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    repair(RepairConfig(folder))
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before
    assert capsys.readouterr().out.endswith("0 shards and 0 other files were made again\n")


@pytest.mark.parametrize("change", ["gone", "changed"])
def test_a_video_that_is_not_what_it_was_is_named_and_nothing_is_changed(original, folder, change):
    films = folder.parent / "films"
    shutil.copytree(original / "films", films)
    jobs = (folder / JOBS).read_text().replace(str(original / "films"), str(films))
    (folder / JOBS).write_text(jobs)
    sums = read_checksums(folder) | {JOBS: hashlib.sha256(jobs.encode()).hexdigest()}
    (folder / CHECKSUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in sums.items()))
    delete(folder)
    first = next(job for job in map(json.loads, jobs.splitlines()[1:]) if job["records"])
    video = first["inputs"][-1]["path"]
    if change == "gone":
        (films / video).unlink()
    else:
        make_video(films / video, 1.4)
    before = digests(folder)
    reason = "no such file" if change == "gone" else "has changed"
    with pytest.raises(DataError, match=f"needed for the repair but (is )?{reason}") as refusal:
        repair(RepairConfig(folder))
    assert refusal.value.subject == video
    assert digests(folder) == before


@pytest.mark.parametrize(
    ("name", "old", "new"), [(JOBS, '"0.mkv"', '"9.mkv"'), (PLAN, '"quality": 90', '"quality": 30')]
)
def test_what_all_else_is_made_from_is_not_made_up(folder, name, old, new):
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))
    before = digests(folder)
    with pytest.raises(DataError, match="nothing can be made again without it") as refusal:
        repair(RepairConfig(folder))
    assert refusal.value.subject == str(folder / name) and digests(folder) == before


def test_a_list_of_jobs_that_was_cut_is_not_believed(folder):
    jobs = (folder / JOBS).read_text()
    (folder / CHECKSUMS).unlink()
    for text in (jobs[:-7], "".join(line + "\n" for line in jobs.splitlines()[:-1])):
        (folder / JOBS).write_text(text)
        before = digests(folder)
        with pytest.raises(DataError, match=r"is damaged|lists other videos"):
            repair(RepairConfig(folder))
        assert digests(folder) == before


def test_a_pipe_or_a_folder_in_place_of_a_shard_is_named(folder):
    name = shard(folder, 0)
    name.unlink()
    for make in (os.mkfifo, os.mkdir):
        make(name)
        for command in (lambda: repair(RepairConfig(folder)), lambda: verify(VerifyConfig(folder))):
            with pytest.raises(DataError, match="not a regular file"):
                command()
        with pytest.raises(DataError, match="not a regular file"):
            open_split(folder, "train")
        name.unlink() if make is os.mkfifo else name.rmdir()


def test_without_plan_or_jobs_nothing_can_be_repaired(folder, tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        repair(RepairConfig(tmp_path / "nowhere"))
    jobs = (folder / JOBS).read_text()
    for text in ("", "{}\n", "nonsense\n", jobs[: len(jobs) // 2] + "\n"):
        (folder / JOBS).write_text(text)
        with pytest.raises(DataError, match="is damaged"):
            repair(RepairConfig(folder))
    (folder / JOBS).unlink()
    with pytest.raises(DataError, match=r"has no jobs\.jsonl"):
        repair(RepairConfig(folder))
    (folder / JOBS).write_text(jobs)
    (folder / PLAN).write_text("{}")
    with pytest.raises(DataError, match=r"prepare\.json: is damaged"):
        repair(RepairConfig(folder))
    (folder / PLAN).unlink()
    with pytest.raises(DataError, match="not a folder of records"):
        repair(RepairConfig(folder))
