import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from extras import need

from avnet.errors import ConfigError, DataError
from data.runners.beam import run_on_beam

need("apache_beam")
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner  # noqa: E402  # pyright: ignore[reportMissingImports]

MEMORY = []
THREADS = ["direct_running_mode=multi_threading", "direct_num_workers=2"]
PROCESSES = ["direct_running_mode=multi_processing", "direct_num_workers=2"]


class Cluster(FnApiRunner):
    """Stands for a runner on other machines, from which a failure comes back as text alone."""


@dataclass(frozen=True)
class Part:
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    folder: str
    number: int
    parts: tuple[Part, ...] = (Part(("a", "b")), Part(()))


def square(job: Job) -> None:
    Path(job.folder, f"{job.number}.txt").write_text(f"{job.number**2} {job.parts}")


def tell_process(job: Job) -> None:
    Path(job.folder, f"{job.number}.txt").write_text(str(os.getpid()))


def sleep(job: Job) -> None:
    tell_process(job)
    time.sleep(60)


def refuse(job: Job) -> None:
    raise DataError(f"film {job.number}.mp4", "is 'bad',\n\"all\" of it (ü)")


def open_nothing(job: Job) -> None:
    Path(job.folder, "nowhere", "film.mp4").read_bytes()


def stumble(job: Job) -> None:
    raise KeyError("a mistake of ours")


def die(job: Job) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def jobs(folder: Path, count: int = 7) -> list[Job]:
    folder.mkdir(exist_ok=True)
    return [Job(str(folder), number) for number in range(count)]


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


@pytest.mark.parametrize("options", [MEMORY, THREADS, PROCESSES])
def test_files_are_those_of_a_plain_loop(options, tmp_path, capfd):
    run_on_beam(square, jobs(tmp_path / "beam"), "FnApiRunner", options)
    for job in jobs(tmp_path / "loop"):
        square(job)
    assert contents(tmp_path / "beam") == contents(tmp_path / "loop")
    assert capfd.readouterr() == ("", "")


def test_processes_share_the_tasks_evenly(tmp_path):
    run_on_beam(tell_process, jobs(tmp_path, 5), "DirectRunner", PROCESSES)
    counts = Counter(contents(tmp_path).values())
    assert str(os.getpid()) not in counts and sorted(counts.values()) == [2, 3]


@pytest.mark.parametrize("options", [MEMORY, PROCESSES])
def test_refusal_of_a_task_comes_back_as_it_was(options, tmp_path, capfd):
    with pytest.raises(DataError) as refusal:
        run_on_beam(refuse, jobs(tmp_path)[3:4], "FnApiRunner", options)
    assert (refusal.value.subject, refusal.value.reason) == ("film 3.mp4", "is 'bad', \"all\" of it (ü)")
    assert capfd.readouterr() == ("", "")


def test_refusal_comes_back_from_other_machines(tmp_path):
    with pytest.raises(DataError) as refusal:
        run_on_beam(refuse, jobs(tmp_path, 1), "test_beam.Cluster", MEMORY)
    assert (refusal.value.subject, refusal.value.reason) == ("film 0.mp4", "is 'bad', \"all\" of it (ü)")
    with pytest.raises(Exception, match="a mistake of ours"):
        run_on_beam(stumble, jobs(tmp_path, 1), "test_beam.Cluster", MEMORY)


def test_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere/film\.mp4: No such file"):
        run_on_beam(open_nothing, jobs(tmp_path), "FnApiRunner", MEMORY)


def test_mistake_in_a_task_shows_where_it_is(tmp_path):
    with pytest.raises(RuntimeError, match=r"(?s)in stumble.*KeyError: 'a mistake of ours'"):
        run_on_beam(stumble, jobs(tmp_path), "FnApiRunner", MEMORY)


def test_killed_worker_ends_the_run(tmp_path):
    with pytest.raises(DataError, match="a worker process was killed"):
        run_on_beam(die, jobs(tmp_path), "FnApiRunner", PROCESSES)


def test_ctrl_c_ends_the_workers_too(tmp_path):
    root = Path(__file__).parents[3]
    folders = [str(Path(__file__).parent), str(root), str(root / "tests/support")]
    call = f"test_beam.run_on_beam(test_beam.sleep, test_beam.jobs(Path({str(tmp_path)!r}), 2), 'FnApiRunner', "
    # A shell starts what it puts into the background with Ctrl-C ignored, and children inherit that.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heeding}; import test_beam; from pathlib import Path; {call}test_beam.PROCESSES)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120  # on a busy machine too
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == -signal.SIGINT
    workers = [int(pid) for pid in contents(tmp_path).values() if pid]
    assert workers and not any(Path("/proc", str(pid)).exists() for pid in workers)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["direct_num_worker=2"], "no option direct_num_worker"),
        (["stray"], "no option stray"),
        (["direct_num_workers=two"], "invalid int value: 'two'"),
        (["direct_running_mode=fast"], "invalid choice: 'fast'"),
        (["help"], "must be key=value"),
        (["runner=SparkRunner"], "give the runner as --runner"),
    ],
)
def test_options_that_beam_does_not_know_are_refused(options, reason, tmp_path, capfd):
    with pytest.raises(ConfigError, match=reason) as refusal:
        run_on_beam(square, jobs(tmp_path), "FnApiRunner", options)
    assert refusal.value.subject == "--beam-options"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("runner", ["NoRunner", "no.such.Runner", "test_beam.NoRunner"])
def test_runner_that_beam_does_not_know_is_refused(runner, tmp_path):
    with pytest.raises(ConfigError, match=r"--runner: .*Runner|--runner: No module"):
        run_on_beam(square, jobs(tmp_path), runner, MEMORY)


def test_parts_that_a_runner_lacks_are_named(tmp_path):
    if find_spec("apitools"):
        pytest.skip("has the parts")
    options = ["project=my-project", "region=europe-west1", "temp_location=gs://my-bucket/tmp"]
    with pytest.raises(ConfigError, match=r"--runner: .*apache_beam\[gcp\]"):
        run_on_beam(square, jobs(tmp_path), "DataflowRunner", options)
    with pytest.raises(ConfigError, match=r"--beam-options: .*temp_location"):
        run_on_beam(square, jobs(tmp_path), "DataflowRunner", options[:2])


def test_without_beam_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "data.runners.beam_local", raising=False)
    monkeypatch.setitem(sys.modules, "apache_beam.options.pipeline_options", None)
    with pytest.raises(ConfigError, match=r"\[train,beam\]"):
        run_on_beam(square, jobs(tmp_path), "FnApiRunner", MEMORY)
