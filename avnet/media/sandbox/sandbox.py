"""A process that decodes files of strangers one at a time, and may die of them.

It may take so much memory and so much time and no more. A file that kills it, or makes it run past its limit, is tried
once more and then refused; nothing of it is kept. What it sends is read with distrust: a message that no decoder sends
refuses the file.
"""

import contextlib
import json
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

import numpy as np

from avnet import errors
from avnet.errors import Crashed, Damaged, DataError, MediaError, NotMedia
from avnet.media.container import check_regular_file
from avnet.media.sandbox.decoder import END, PART, READY, REFUSAL, REQUEST, RESULT, STATUS
from avnet.media.sandbox.limits import Limits
from avnet.media.sandbox.messages import SIZES, Header, Message, MessageError, read_header, read_sizes, unpack

Part = TypeVar("Part")
Result = TypeVar("Result")

# How much of a reply is held in memory before the rest goes to a temporary file.
SPOOL_BYTES = 64 << 20
START_S = 60.0
# For a process that was told to end.
END_S = 10.0
MAX_REASON = 1000
# What a decoding process may see of the environment: no passwords, no tokens.
ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV")
ENVIRONMENT_PREFIXES = ("PYTHON", "LC_", "LD_", "DYLD_", "OMP_", "MKL_")


@dataclass(frozen=True)
class Reply(Generic[Part, Result]):
    """What was read from a file.

    Attributes:
        parts: to be iterated over once, and before the next file is read.
        result: what is to be known of the whole.
    """

    parts: Iterator[Part]
    result: Result


class Sandbox:
    """Reads one file at a time; use as a context."""

    def __init__(self, program: str, limits: Limits | None = None):
        """Starts nothing yet.

        Args:
            program: name of a module that calls `avnet.media.sandbox.decoder.serve`.
            limits: of what decoding a file may take.
        """
        self.limits = limits or Limits()
        self._program = program
        self._spool = _new_spool()
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_) -> None:
        self._end()
        self._spool.close()

    def read(
        self,
        path: str | Path,
        values: Mapping[str, Any],
        parse_part: Callable[[Message], Part],
        parse_result: Callable[[Message], Result],
        most_bytes: int,
    ) -> Reply[Part, Result]:
        """Has the program read a file.

        Args:
            path: the file.
            values: what the program is told, as values for JSON.
            parse_part: makes something of a part, and raises ValueError, KeyError or TypeError where it cannot be what
                the program sends; called twice for each.
            parse_result: the same for what comes last.
            most_bytes: that a whole reply may take.

        Raises:
            Crashed: the process died, or ran past its limits, twice.
            Damaged: it sent what it never sends: the file has taken it over.
            MediaError: the file was refused.
            DataError: no process could be started.
        """
        for again in (True, False):
            try:
                return self._read(path, values, parse_part, parse_result, most_bytes)
            except Crashed:
                if not again:
                    raise
        raise AssertionError

    def stream(
        self,
        path: str | Path,
        values: Mapping[str, Any],
        parse_part: Callable[[Message], Part],
        parse_result: Callable[[Message], Result],
        most_bytes: int,
    ) -> Generator[Part, None, Result]:
        """As `read`, but yields each part when it is there, while the program reads on; returns the result.

        The program waits where nobody takes the next part, and the file is over when the generator is closed. A process
        that dies is tried again only before its first part.
        """
        begun = False
        for again in (True, False):
            try:
                with self._incoming(path, values, most_bytes) as incoming:
                    messages = _receive(incoming, parse_part, parse_result)
                    while True:
                        try:
                            _, part = next(messages)
                        except StopIteration as end:
                            return end.value
                        begun = True
                        try:
                            yield part
                        except GeneratorExit:  # nobody wants more: the worker is ended, the program stays
                            return  # pyright: ignore[reportReturnType]: nobody is there to take it
            except Crashed:
                if begun or not again:
                    raise
        raise AssertionError

    def _read(self, path: str | Path, values: Mapping[str, Any], parse_part, parse_result, most_bytes: int) -> Reply:
        self._spool.close()
        self._spool = spool = _new_spool()
        with self._incoming(path, values, most_bytes) as incoming:
            messages = _receive(incoming, parse_part, parse_result)
            while True:
                try:
                    parts, _ = next(messages)
                except StopIteration as end:
                    result = end.value
                    break
                for part in parts:
                    spool.write(part)
        spool.seek(0)
        return Reply(_unspool(spool, parse_part), result)

    @contextlib.contextmanager
    def _incoming(self, path: str | Path, values: Mapping[str, Any], most_bytes: int) -> Iterator["_Incoming"]:
        """The reply to a request, and its end: the worker is gone when the block is left."""
        control = self._start()
        file = _open(path)
        ours, theirs = os.pipe()
        try:
            cpu_s = self.limits.cpu_s(os.fstat(file).st_size)
            request = json.dumps({"path": str(path), "cpu_s": cpu_s, "values": dict(values)}).encode()
            socket.send_fds(control, [REQUEST.pack(len(request))], [file, theirs])
            control.sendall(request)
            os.close(theirs)
            theirs = None
            yield _Incoming(path, ours, 2.0 * cpu_s, self.limits.memory_mb << 20, most_bytes)
        except (EOFError, ConnectionError):
            raise Crashed(path, f"killed the process that decoded it ({_why(self._finish())})") from None
        except MediaError:
            self._finish()
            raise
        except BaseException:
            self._end()
            raise
        finally:
            for descriptor in (file, ours, theirs):
                if descriptor is not None:
                    os.close(descriptor)
        self._finish()

    def _start(self) -> socket.socket:
        if self._control is not None:
            return self._control
        ours, theirs = socket.socketpair()
        # Nothing is imported from the working folder: films of strangers may lie there, and modules.
        command = [sys.executable, "-P", "-m", self._program, str(self.limits.memory_mb)]
        self._process = subprocess.Popen(
            command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env=_environment(), start_new_session=True
        )
        theirs.close()
        self._control = ours
        ours.settimeout(START_S)
        with contextlib.suppress(OSError):
            if ours.recv(len(READY)) == READY:
                ours.settimeout(END_S)
                return ours
        self._end()
        raise DataError("--memory-mb", "the process that decodes videos could not be started")

    def _finish(self) -> int:
        """Ends the worker that reads the present file; says how it had ended before, if it had."""
        assert self._control is not None
        try:
            self._control.sendall(END)
            return STATUS.unpack(self._control.recv(STATUS.size, socket.MSG_WAITALL))[0]
        except (OSError, struct.error):  # the program itself was killed; the next file starts another
            self._end()
            return -signal.SIGKILL

    def _end(self) -> None:
        if self._process is not None:
            # With the worker that it has forked; its number is not given anew before it has been waited for.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._control is not None:
            self._control.close()
        self._process = self._control = None


@dataclass
class _Incoming:
    """The reply to one request, as it comes through a pipe.

    Attributes:
        path: the file that is read.
        pipe: a descriptor.
        wait_s: how long may still be waited for what comes, seconds; what is done with it takes none of that.
        most_at_once: bytes of the arrays of one message: all come out of one process's memory.
        most: bytes that may still come.
    """

    path: str | Path
    pipe: int
    wait_s: float
    most_at_once: int
    most: int

    def message(self) -> tuple[Header, list[memoryview]]:
        """The next message: its header, and all of its bytes in three parts.

        Raises:
            MessageError: none is sent so.
            EOFError: the process has ended.
            Crashed: it takes too long.
        """
        front = self._exactly(SIZES.size)
        header_size, size = read_sizes(front.tobytes(), self.most_at_once)
        self.most -= len(front) + header_size + size
        if self.most < 0:
            raise MessageError("sends more than a file holds")
        head = self._exactly(header_size)
        header = read_header(head.tobytes(), size)
        return header, [front, head, self._exactly(size)]

    def _exactly(self, size: int) -> memoryview:
        # The system gives memory where something is written, so what was claimed and never comes costs nothing.
        data = np.empty(size, np.uint8).data
        poll, at = select.poll(), 0
        poll.register(self.pipe, select.POLLIN)
        while at < size:
            began = time.monotonic()
            if not poll.poll(1000 * max(0.0, self.wait_s)):
                raise Crashed(self.path, "took longer to decode than the limit")
            self.wait_s -= time.monotonic() - began
            count = os.readv(self.pipe, [data[at:]])
            if not count:
                raise EOFError
            at += count
        return data


def _receive(
    incoming: _Incoming, parse_part: Callable[[Message], Part], parse_result: Callable[[Message], Result]
) -> Generator[tuple[list[memoryview], Part], None, Result]:
    """Yields the parts, each after a look at it: its bytes, and what was made of it.

    Returns:
        What comes last.

    Raises:
        MediaError: the file was refused, or the message was malformed.
    """
    try:
        while True:
            header, parts = incoming.message()
            message = unpack(header, parts[-1])
            if header.kind == RESULT:
                return parse_result(message)
            if header.kind == REFUSAL:
                break
            if header.kind != PART:
                raise MessageError("is of an unknown kind")
            yield parts, parse_part(message)
        kind, reason = message.values["kind"], message.values["reason"]
        refusals = {name: value for name, value in vars(errors).items() if isinstance(value, type)}
        if not issubclass(refusals[kind], MediaError) or not isinstance(reason, str):
            raise MessageError("refuses without a reason")
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        reason = _printable(f"{type(error).__name__}: {error}")
        raise Damaged(incoming.path, f"makes its decoder send what no decoder sends ({reason})") from None
    raise refusals[kind](incoming.path, _printable(reason))


def _unspool(spool: IO[bytes], parse_part: Callable[[Message], Part]) -> Iterator[Part]:
    while front := spool.read(SIZES.size):
        header_size, size = SIZES.unpack(front)
        header = read_header(spool.read(header_size), size)
        yield parse_part(unpack(header, spool.read(size)))


def _open(path: str | Path) -> int:
    """A descriptor of a file that is a regular one after it was opened, too: names can be given to others.

    Raises:
        NotMedia: it is not, or not there.
        Damaged: the system does not open it.
    """
    try:
        # Without waiting, should it have become a pipe.
        file = os.open(check_regular_file(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Damaged(path, f"cannot be decoded ({error.strerror})") from None
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    raise NotMedia(path, "is not a regular file")


def _environment() -> dict[str, str]:
    """What a decoding process is to know, and where it imports from: the same places as this one."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if name in ENVIRONMENT or name.startswith(ENVIRONMENT_PREFIXES)
    }
    places = os.pathsep.join(place or os.getcwd() for place in sys.path)
    # One thread each: there is a process for every core.
    return {**variables, "PYTHONPATH": places, "OPENBLAS_NUM_THREADS": "1"}


def _why(code: int) -> str:
    if code == -signal.SIGXCPU:
        return "more CPU time than the limit"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _printable(text: str) -> str:
    """In one short line, without what would command a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:MAX_REASON])


def _new_spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(SPOOL_BYTES)
