import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from media_files import make_mute, make_video

from avnet.errors import ConfigError, Crashed, Damaged, DataError, NoAudioTrack, TooLarge
from data.sampling.config import SamplingConfig
from data.sampling.sampling import sample_video
from data.sampling.sandbox import FILES, Limits, Sandbox

CONFIG = SamplingConfig()
VIDEO = "0" * 64


@pytest.fixture
def dying(monkeypatch):
    monkeypatch.setattr("data.sampling.sandbox.DECODER", "dying_decoder")
    with Sandbox(Limits(seconds_per_file=1.0)) as sandbox:
        yield sandbox


def children() -> set[int]:
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == os.getpid() and fields[0] != "Z":
                found.add(int(folder.name))
    return found


def test_reads_what_is_read_in_this_process(tmp_path):
    path = make_video(tmp_path / "film.mp4", 3.0)
    expected = sample_video(path, "film.mp4", VIDEO, SamplingConfig(segment_s=1.0))
    before = children()
    with Sandbox() as sandbox:
        read = sandbox.read(path, "film.mp4", VIDEO, SamplingConfig(segment_s=1.0))
        segments = list(read.segments)
        assert len(children() - before) == 1
    assert children() == before
    assert (read.duration_s, read.note, read.hashes) == (expected.duration_s, expected.note, expected.hashes)
    assert len(segments) == len(expected.segments) == 3
    for segment, other in zip(segments, expected.segments, strict=True):
        assert segment.frames == other.frames and (segment.waveform == other.waveform).all()
        assert (segment.frame_at == other.frame_at).all() and segment.start_s == other.start_s


def test_refusals_come_through_and_the_process_goes_on(tmp_path):
    mute, good = make_mute(tmp_path / "mute.mp4"), make_video(tmp_path / "good.mp4")
    with Sandbox() as sandbox:
        with pytest.raises(NoAudioTrack, match="has no audio track") as refusal:
            sandbox.read(mute, "mute.mp4", VIDEO, CONFIG)
        assert refusal.value.subject == str(mute)
        first = sandbox._process
        assert len(list(sandbox.read(good, "good.mp4", VIDEO, CONFIG).segments)) == 1
        assert sandbox._process is first


@pytest.mark.parametrize(
    ("name", "reason"),
    [("die", "SIGSEGV"), ("spin", "than the limit"), ("sleep", "took longer to decode than the limit")],
)
def test_a_file_that_kills_its_process_is_refused_and_the_next_is_read(dying, tmp_path, name, reason):
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(1000))
    started = time.monotonic()
    with pytest.raises(Crashed, match=reason) as refusal:
        dying.read(path, name, VIDEO, CONFIG)
    assert time.monotonic() - started < 15 and refusal.value.subject == str(path)
    assert len(list(dying.read(path, "good", VIDEO, CONFIG).segments)) == 2


def test_a_file_is_tried_twice(dying, tmp_path):
    read = dying.read(tmp_path / "marker", "die once", VIDEO, CONFIG)
    assert [segment.start_s for segment in read.segments] == [0.0, 1.0]


def test_too_much_memory_and_odd_errors_are_refusals(dying, tmp_path):
    with pytest.raises(TooLarge, match="takes more memory"):
        dying.read(tmp_path, "hoard", VIDEO, CONFIG)
    with pytest.raises(Damaged, match="ZeroDivisionError: by chance"):
        dying.read(tmp_path, "stumble", VIDEO, CONFIG)


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def test_segments_of_a_long_video_are_not_all_held_in_memory(dying, tmp_path):
    before, most, total = resident_mb(), 0.0, 0
    for segment in dying.read(tmp_path, "long", VIDEO, CONFIG).segments:
        total += segment.waveform.nbytes
        most = max(most, resident_mb() - before)
    assert total > 400e6 and most < 100


def test_the_process_is_replaced_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr("data.sampling.sandbox.FILES", 2)
    path = make_video(tmp_path / "good.mp4", 1.2)
    processes = []
    with Sandbox() as sandbox:
        for _ in range(5):
            sandbox.read(path, "good.mp4", VIDEO, CONFIG)
            assert sandbox._process is not None
            processes.append(sandbox._process.pid)
    assert len(set(processes)) == 3 and FILES > 2


def test_a_process_that_cannot_start_is_a_refusal(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr("data.sampling.sandbox.DECODER", "no_such_module")
    with Sandbox() as sandbox, pytest.raises(DataError, match="could not be started"):
        sandbox.read(tmp_path, "x", VIDEO, CONFIG)
    capfd.readouterr()


def test_decoding_ends_when_its_parent_is_killed(tmp_path):
    code = (
        "import time, data.sampling.sandbox as s; s.DECODER = 'dying_decoder'; box = s.Sandbox(); "
        "box._start(); print(box._process.pid, flush=True); box.read(s.Path('x'), 'sleep', '', s.SamplingConfig())"
    )
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{root / 'tests/support'}"}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(child, 0)
            if ") Z" in Path(f"/proc/{child}/stat").read_text():
                break
        except OSError:
            break
        time.sleep(0.05)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail("the decoding process outlived its parent")


def test_limits_grow_with_the_file_and_are_checked(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(3_000_000))
    assert Limits(seconds_per_file=10, seconds_per_mb=2).cpu_s(path) == 16
    assert Limits(seconds_per_file=10).cpu_s(tmp_path / "nothing") == 10
    for limits in (lambda: Limits(100), lambda: Limits(500, 0.0), lambda: Limits(500, 1.0, -1.0)):
        with pytest.raises(ConfigError):
            limits()
    assert Limits().cpu_s(path) > 60
