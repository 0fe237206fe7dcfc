"""Videos that nobody has checked are read in a process of their own, which may die of them.

It may take so much memory and so much time and no more. A file that kills it, or makes it run past its limit, is tried
once more in a fresh process and then refused; nothing of it is kept.
"""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

from avnet.errors import ConfigError, Crashed, DataError, MediaError
from data.records.segment import Segment
from data.sampling.config import SamplingConfig

DECODER = "data.sampling.decoder"
# How much of a video's segments is held in memory before the rest goes to a temporary file.
SPOOL_BYTES = 64 << 20
START_S = 60.0
# A process is replaced after so many files: what leaks in a library does not add up.
FILES = 200


@dataclass(frozen=True)
class Limits:
    """What the process that decodes a video may take."""

    memory_mb: int = 1536
    """Address space of a decoding process, MB."""
    seconds_per_file: float = 60.0
    """CPU time for a file, plus what its size adds; twice that by the clock."""
    seconds_per_mb: float = 20.0
    """CPU time for each MB of a file."""

    def __post_init__(self):
        if not 384 <= self.memory_mb <= 1 << 20:
            raise ConfigError("--memory-mb", f"wants 384 to {1 << 20}, got {self.memory_mb}")
        if not 1 <= self.seconds_per_file <= 1e6 or not 0 <= self.seconds_per_mb <= 1e4:
            raise ConfigError("--seconds-per-file, --seconds-per-mb", "want 1 to 1e6 and 0 to 1e4 seconds")

    def cpu_s(self, path: Path) -> int:
        """CPU seconds for a file."""
        size = path.stat().st_size if path.is_file() else 0
        return int(self.seconds_per_file + self.seconds_per_mb * size / 1e6)


@dataclass
class Read:
    """What was read from a video.

    Attributes:
        duration_s, note, hashes: as of `data.sampling.sampling.VideoSampler`.
        segments: to be iterated over once, and before the next video is read.
    """

    duration_s: float
    note: str
    hashes: list[int]
    segments: Iterator[Segment]


class Sandbox:
    """Reads one video at a time; use as a context."""

    def __init__(self, limits: Limits | None = None):
        self.limits = limits or Limits()
        self._files = 0
        self._spool = _new_spool()
        self._process: subprocess.Popen | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_) -> None:
        self._end()
        self._spool.close()

    def read(self, path: Path, name: str, video: str, config: SamplingConfig) -> Read:
        """Does what `data.sampling.sampling.sample_video` does.

        Args:
            path: the file.
            name: what the records call it.
            video: SHA-256 of its content.
            config: what is kept.

        Raises:
            Crashed: the process died, or ran past its limits, twice.
            MediaError: the file was refused.
            DataError: no process could be started.
        """
        try:
            return self._read(path, name, video, config)
        except Crashed:
            return self._read(path, name, video, config)

    def _read(self, path: Path, name: str, video: str, config: SamplingConfig) -> Read:
        connection = self._start()
        self._spool.close()
        self._spool = spool = _new_spool()
        cpu_s = self.limits.cpu_s(path)
        ends = time.monotonic() + 2 * cpu_s
        try:
            connection.send((str(path), name, video, config, cpu_s))
            while (message := self._receive(path, ends))[:1] == b"s":
                spool.write(message[1:])
            result = pickle.loads(message)
        except BaseException:
            self._end()
            raise
        if isinstance(result, MediaError):
            raise result
        spool.seek(0)
        return Read(*result, segments=_unspool(spool))

    def _start(self) -> Connection:
        self._files += 1
        if self._files > FILES:
            self._end()
        if self._connection is not None:
            return self._connection
        self._files = 1
        ours, theirs = Pipe()
        command = [sys.executable, "-m", DECODER, str(theirs.fileno()), str(self.limits.memory_mb)]
        places = [str(Path(__file__).parents[2]), *filter(None, sys.path)]
        # One thread each: there is a process for every core.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.PIPE, start_new_session=True
        )
        theirs.close()
        self._connection = ours
        try:
            if not ours.poll(START_S):
                raise EOFError
            ours.recv_bytes()
        except EOFError:
            self._end()
            raise DataError("--memory-mb", "the process that decodes videos could not be started") from None
        return ours

    def _receive(self, path: Path, ends: float) -> bytes:
        assert self._connection is not None and self._process is not None
        try:
            if self._connection.poll(max(0.0, ends - time.monotonic())):
                return self._connection.recv_bytes()
        except (EOFError, ConnectionError):
            raise Crashed(path, f"killed the process that decoded it ({_why(self._process.wait())})") from None
        raise Crashed(path, "took longer to decode than the limit") from None

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None


def _why(code: int) -> str:
    if code == -signal.SIGXCPU:
        return "more CPU time than the limit"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _new_spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(SPOOL_BYTES)


def _unspool(spool: IO[bytes]) -> Iterator[Segment]:
    while True:
        try:
            yield pickle.load(spool)
        except EOFError:
            return
