import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media.hostile_decoder import ENDS, MESSAGES, TRIES

from avnet.errors import ConfigError, Crashed, Damaged, DataError, NotMedia, TooLarge, TooShort
from avnet.media.sandbox.confinement import protection
from avnet.media.sandbox.limits import Limits
from avnet.media.sandbox.messages import Message
from avnet.media.sandbox.sandbox import Reply, Sandbox

ROOT = Path(__file__).parents[4]
MOST = 20_000_000


def parse_part(message: Message) -> tuple[float, int]:
    """(time, samples) of what a reader that is itself would send."""
    time, samples = message.values["time"], message.arrays["samples"]
    if not isinstance(time, float) or not 0 <= time < 1000 or samples.dtype != np.int16:
        raise ValueError("no part")
    return time, len(samples)


def parse_result(message: Message) -> dict[str, Any]:
    if message.values["count"] < 0:
        raise ValueError("no result")
    return {**message.values, "environment": message.arrays["environment"].tobytes().decode().split("\n")}


class Attempts:
    """One sandbox, one file, and what else a hostile one would be after."""

    def __init__(self, folder: Path, sandbox: Sandbox):
        self.sandbox, self.folder, self.path = sandbox, folder, folder / "film.mp4"
        self.path.write_bytes(b"film" * 250)
        (folder / "other").write_text("secret")
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.setblocking(False)

    def read(self, act: str, most_bytes: int = MOST, **told) -> Reply[tuple[float, int], dict[str, Any]]:
        self.sandbox._start()
        assert self.sandbox._process is not None
        told |= {
            "act": act,
            "own": str(self.path),
            "other": str(self.folder / "other"),
            "new": str(self.folder / "new"),
            "port": self.server.getsockname()[1],
            "pid": os.getpid(),
            "program": self.sandbox._process.pid,
        }
        return self.sandbox.read(self.path, told, parse_part, parse_result, most_bytes)

    def assert_nothing_happened(self) -> None:
        """And the next file is read, by the same program, in a worker that knows nothing of the one before."""
        assert self.path.read_bytes() == b"film" * 250
        assert sorted(path.name for path in self.folder.iterdir()) == ["film.mp4", "other"]
        with pytest.raises(BlockingIOError):
            self.server.accept()
        reply = self.read("nothing")
        assert reply.result["count"] == 1 and list(reply.parts) == [(0.5, 4), (1.0, 10)]


@pytest.fixture(scope="module")
def one_sandbox():
    with Sandbox("media.hostile_decoder", Limits(seconds_per_file=20.0)) as sandbox:
        yield sandbox


@pytest.fixture
def hostile(tmp_path, one_sandbox):
    attempts = Attempts(tmp_path, one_sandbox)
    with attempts.server:
        yield attempts


@pytest.fixture
def impatient(tmp_path):
    with Sandbox("media.hostile_decoder", Limits(seconds_per_file=1.0)) as sandbox:
        attempts = Attempts(tmp_path, sandbox)
        with attempts.server:
            yield attempts


def children(parent: int | None = None) -> set[int]:
    kinds = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == (parent or os.getpid()) and fields[0] != "Z":
                kinds.add(int(folder.name))
    return kinds


needs_filter = pytest.mark.skipif("seccomp" not in protection(), reason="this kernel has no filter of system calls")


def test_reads_the_open_file_and_answers_with_plain_data(hostile):
    reply = hostile.read("nothing", parts=3)
    assert reply.result["length"] == 1000
    assert list(reply.parts) == [(0.5, 4), (1.0, 10), (2.0, 10), (3.0, 10)]


@needs_filter
@pytest.mark.parametrize("act", TRIES)
def test_what_a_taken_over_decoder_tries_fails_and_refuses_its_file_alone(hostile, act):
    program = hostile.sandbox._process
    with pytest.raises(Damaged, match=r"cannot be decoded \((PermissionError|OSError|ValueError)") as refusal:
        hostile.read(act)
    assert refusal.value.subject == str(hostile.path)
    assert program is None or hostile.sandbox._process is program
    hostile.assert_nothing_happened()


@pytest.mark.parametrize("act", MESSAGES)
def test_a_message_that_no_decoder_sends_refuses_its_file_alone(hostile, act):
    began, before = time.monotonic(), resident_mb()
    with pytest.raises(Damaged, match="makes its decoder send what no decoder sends") as refusal:
        hostile.read(act)
    assert time.monotonic() - began < 15 and resident_mb() - before < 100
    assert "\n" not in str(refusal.value) and str(refusal.value).isprintable()
    hostile.assert_nothing_happened()


@pytest.mark.parametrize("act", ENDS)
def test_a_file_that_ends_its_process_is_refused_and_the_next_is_read(impatient, act):
    reason = {
        "die": "SIGSEGV",
        "abort": "SIGABRT",
        "leave": "exit code 0",
        "spin": "than the limit",
        "sleep": "took longer to decode than the limit",
        "close everything and sleep": "killed the process",
    }[act]
    began = time.monotonic()
    with pytest.raises(Crashed, match=reason) as refusal:
        impatient.read(act)
    assert time.monotonic() - began < 15 and refusal.value.subject == str(impatient.path)
    impatient.assert_nothing_happened()


def test_a_crash_is_tried_twice(hostile, monkeypatch):
    read, tries = Sandbox._read, []

    def stumble_once(self, path, *rest):
        tries.append(path)
        if len(tries) == 1:
            raise Crashed(path, "by chance")
        return read(self, path, *rest)

    monkeypatch.setattr(Sandbox, "_read", stumble_once)
    assert list(hostile.read("nothing").parts) == [(0.5, 4), (1.0, 10)] and len(tries) == 2
    with pytest.raises(Crashed, match="SIGSEGV"):
        hostile.read("die")
    assert len(tries) == 4


def test_too_much_memory_and_odd_errors_are_refusals(hostile):
    with pytest.raises(TooLarge, match="takes more memory"):
        hostile.read("hoard")
    with pytest.raises(Damaged, match="ZeroDivisionError: by chance"):
        hostile.read("stumble")


def test_a_reason_commands_no_terminal_and_is_short(hostile):
    with pytest.raises(TooShort) as refusal:
        hostile.read("say terrible things")
    assert refusal.value.reason.startswith("?[2J?so so") and len(refusal.value.reason) <= 1000


def test_what_a_worker_prints_is_not_shown(hostile, capfd):
    hostile.read("talk")
    assert capfd.readouterr() == ("", "")


def test_threads_are_allowed_as_some_decoders_want_them(hostile):
    assert hostile.read("use threads").result["count"] == 2


def test_passwords_in_the_environment_stay_with_the_parent(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with Sandbox("media.hostile_decoder") as sandbox:
        attempts = Attempts(tmp_path, sandbox)
        with attempts.server:
            environment = attempts.read("nothing").result["environment"]
    assert "PYTHONPATH" in environment and "AWS_SECRET_ACCESS_KEY" not in environment


def test_a_reply_has_a_limit_as_a_whole(hostile):
    assert len(list(hostile.read("nothing", 25_000, parts=10, size=1000).parts)) == 11
    with pytest.raises(Damaged, match="sends more than a file holds"):
        hostile.read("nothing", 15_000, parts=10, size=1000)


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def test_the_parts_of_a_long_reply_are_not_all_held_in_memory(hostile):
    before, most, total = resident_mb(), 0.0, 0
    for _, samples in hostile.read("nothing", 500_000_000, parts=200, size=1_000_000).parts:
        total += 2 * samples
        most = max(most, resident_mb() - before)
    assert total > 400e6 and most < 100


def stream(hostile, act: str, most_bytes: int = MOST, **told):
    """As `Attempts.read`, part by part."""
    read, hostile.sandbox.read = hostile.sandbox.read, hostile.sandbox.stream
    try:
        return hostile.read(act, most_bytes, **told)
    finally:
        hostile.sandbox.read = read


def drained(parts) -> tuple[list, Any]:
    taken = []
    while True:
        try:
            taken.append(next(parts))
        except StopIteration as end:
            return taken, end.value


def test_a_stream_gives_the_parts_and_the_result(hostile):
    parts, result = drained(stream(hostile, "nothing", parts=3))
    assert parts == [(0.5, 4), (1.0, 10), (2.0, 10), (3.0, 10)] and result["length"] == 1000


def test_a_part_of_a_stream_comes_while_the_program_is_still_at_work(hostile):
    parts = stream(hostile, "sleep")
    began, program = time.monotonic(), hostile.sandbox._process
    assert next(parts) == (0.5, 4)
    parts.close()
    assert time.monotonic() - began < 10 and hostile.sandbox._process is program
    hostile.assert_nothing_happened()


def test_time_that_the_parent_takes_is_not_counted(impatient):
    parts = stream(impatient, "nothing", parts=40, size=100_000)  # more than the pipe holds
    assert next(parts) == (0.5, 4)
    time.sleep(2.5)
    assert len(drained(parts)[0]) == 40


@pytest.mark.parametrize("act", ["die", "sleep", "a pickle", "messages without end", "stumble"])
def test_a_stream_that_goes_wrong_ends_in_the_refusal_of_its_file(impatient, act):
    parts = stream(impatient, act)
    assert next(parts) == (0.5, 4)
    with pytest.raises(Crashed if act in ENDS else Damaged) as refusal:
        drained(parts)
    assert refusal.value.subject == str(impatient.path)
    impatient.assert_nothing_happened()


def test_one_program_serves_all_files_and_ends_with_the_sandbox(tmp_path):
    before = children()
    with Sandbox("media.hostile_decoder") as sandbox:
        attempts = Attempts(tmp_path, sandbox)
        with attempts.server:
            for _ in range(3):
                attempts.read("nothing")
                assert len(children() - before) == 1
    assert children() == before


def test_a_program_that_was_killed_is_started_anew(hostile):
    hostile.read("nothing")
    program = hostile.sandbox._process
    program.kill()
    program.wait()
    hostile.read("nothing")
    assert hostile.sandbox._process is not program


def test_a_process_that_cannot_start_is_a_refusal(tmp_path, capfd):
    with Sandbox("no_such_module") as sandbox, pytest.raises(DataError, match="could not be started"):
        sandbox.read(tmp_path, {}, parse_part, parse_result, MOST)
    capfd.readouterr()


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "empty"])
def test_what_is_no_regular_file_is_refused_before_a_process_looks(hostile, kind):
    path = hostile.folder / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "empty":
        path.touch()
    with pytest.raises(NotMedia):
        hostile.sandbox.read(path, {}, parse_part, parse_result, MOST)


def test_decoding_ends_when_its_parent_is_killed(tmp_path):
    path = tmp_path / "film"
    path.write_bytes(b"film")
    code = (
        "from pathlib import Path; from avnet.media.sandbox.sandbox import Sandbox; "
        "box = Sandbox('media.hostile_decoder'); "
        "box._start(); print(box._process.pid, flush=True); "
        f"box.read(Path({str(path)!r}), {{'act': 'sleep'}}, lambda part: part, lambda result: result, 1 << 20)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests/support'}"}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, text=True)
    assert parent.stdout is not None
    program = int(parent.stdout.readline())
    deadline = time.monotonic() + 10
    while not children(program) and time.monotonic() < deadline:
        time.sleep(0.05)
    everyone = {program, *children(program)}
    assert len(everyone) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    while any(map(alive, everyone)) and time.monotonic() < deadline + 10:
        time.sleep(0.05)
    left = [pid for pid in everyone if alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, "the decoding processes outlived their parent"


def alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_limits_grow_with_the_file_and_are_checked():
    assert Limits(seconds_per_file=10, seconds_per_mb=2).cpu_s(3_000_000) == 16
    assert Limits(seconds_per_file=10).cpu_s(0) == 10
    for limits in (lambda: Limits(100), lambda: Limits(500, 0.0), lambda: Limits(500, 1.0, -1.0)):
        with pytest.raises(ConfigError):
            limits()
    assert Limits().cpu_s(3_000_000) > 60
