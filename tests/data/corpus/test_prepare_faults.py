"""What happens to `data prepare` when it is killed, runs out of disk or may not write."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from media.media_files import make_video, tone

from avnet.errors import DataError
from data.corpus.config import PrepareConfig
from data.corpus.prepare import prepare
from data.sampling.config import SamplingConfig

ROOT = Path(__file__).parents[3]
KILLS = 20
OPTIONS = ["--short-side", "32", "--fractions", "1", "0", "0", "--videos-per-shard", "2", "--workers", "2"]


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for i in range(12):
        make_video(folder / f"{i}.mkv", 1.3, sound=tone(300 + 50 * i))
    return folder


@pytest.fixture(scope="module")
def whole_run(films, tmp_path_factory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("whole") / "out"
    sampling = SamplingConfig(short_side=32)
    prepare(PrepareConfig((films,), out, fractions=(1, 0, 0), videos_per_shard=2, workers=1, sampling=sampling))
    return digests(out)


def digests(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


# No file may grow beyond 50 or 100 kB (shells count in different blocks), as on a disk that is full.
FULL_DISK = ("sh", "-c", 'ulimit -f 100; exec "$0" "$@"')


def start(films: Path, out: Path, *through: str) -> subprocess.Popen:
    command = [*through, sys.executable, "-m", "data", "prepare", str(films), "--out", str(out), *OPTIONS]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def rows_of(out: Path) -> dict[str, int]:
    """When the results of the jobs that are done were written."""
    return {file.name: file.stat().st_mtime_ns for file in out.glob(".partial/train-*.json")}


def descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children] + [grand for child in children for grand in descendants(int(child))]


@pytest.mark.slow
def test_a_run_that_is_killed_twenty_times_ends_with_the_same_bytes(films, whole_run, tmp_path):
    out, rng, state = tmp_path / "out", np.random.default_rng(0), {}
    for _ in range(KILLS):
        process = start(films, out)
        time.sleep(rng.uniform(0.3, 5.0))
        process.kill()  # the main process alone: the others must end by themselves
        process.communicate()
        assert state.items() <= rows_of(out).items() or "dataset_info.json" in digests(out), "a job was done again"
        state = rows_of(out)
    process = start(films, out)
    assert process.wait(120) == 0, process.communicate()
    process.communicate()
    assert digests(out) == whole_run


def test_killed_once_nothing_is_left_running_and_the_next_run_ends_with_the_same_bytes(films, whole_run, tmp_path):
    process = start(films, tmp_path / "out")
    deadline = time.monotonic() + 60
    while not rows_of(tmp_path / "out") and time.monotonic() < deadline:
        time.sleep(0.01)
    others = descendants(process.pid)
    process.kill()
    process.communicate()
    assert others
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in others) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in others)
    before = rows_of(tmp_path / "out")
    assert before and "dataset_info.json" not in digests(tmp_path / "out")
    process = start(films, tmp_path / "out")
    process.communicate()
    assert process.returncode == 0
    assert digests(tmp_path / "out") == whole_run


def alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("workers", [2, 4])
def test_number_of_workers_changes_no_byte(films, whole_run, tmp_path, workers):
    sampling = SamplingConfig(short_side=32)
    out = tmp_path / "out"
    prepare(PrepareConfig((films,), out, fractions=(1, 0, 0), videos_per_shard=2, workers=workers, sampling=sampling))
    assert digests(out) == whole_run


def test_a_full_disk_is_one_line_and_the_next_run_ends_with_the_same_bytes(films, whole_run, tmp_path):
    process = start(films, tmp_path / "out", *FULL_DISK)
    _, output = process.communicate()
    assert process.returncode == 2
    assert "cannot be written" in output and "File too large" in output and "Traceback" not in output
    assert not list((tmp_path / "out").rglob("*.array_record*"))
    process = start(films, tmp_path / "out")
    process.communicate()
    assert process.returncode == 0
    assert digests(tmp_path / "out") == whole_run


def test_a_place_where_nothing_may_be_written_is_refused(films, tmp_path):
    with pytest.raises(DataError, match=r"/proc/nothing.*: cannot be (made|written)"):
        prepare(PrepareConfig((films,), "/proc/nothing", fractions=(1, 0, 0)))
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="is not a folder"):
        prepare(PrepareConfig((films,), tmp_path / "file", fractions=(1, 0, 0)))
    with pytest.raises(DataError, match="cannot be"):
        prepare(PrepareConfig((films,), tmp_path / "file" / "below", fractions=(1, 0, 0)))
    if os.getuid():  # the superuser may write anywhere
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(DataError, match="cannot be"):
            prepare(PrepareConfig((films,), tmp_path / "locked" / "out", fractions=(1, 0, 0)))
