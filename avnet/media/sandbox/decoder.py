"""The program of a `Sandbox`: forks a worker for every file, which is shut in before it reads the first byte.

The program itself never looks at a file, so it stays what it was; a worker that a file has taken over is gone before
the next. Importing takes most of a second, forking a few milliseconds.
"""

import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import av
from PIL import Image

from avnet.errors import Damaged, MediaError, TooLarge
from avnet.media.container import OpenFile
from avnet.media.sandbox.confinement import confine, keep_only, limit_memory
from avnet.media.sandbox.messages import Message, pack

READY, END = b"r", b"e"
REQUEST, STATUS = struct.Struct("<I"), struct.Struct("<i")
# Kinds of message: one of several parts, the last one, and a refusal in its place.
PART, RESULT, REFUSAL = "part", "result", "refusal"
# Of PyAV: a program, and a way to fetch test films.
NO_DECODERS = ("av.__main__", "av.datasets")
CONTROL = 0  # the descriptor of the connection to the parent

Reader = Callable[[OpenFile, dict[str, Any]], Generator[Message, None, Message]]
"""Reads a file as a request asks; yields parts and returns what is to be known of the whole."""


def serve(read: Reader) -> None:
    """Answers requests until the other side hangs up; what a module that `Sandbox` starts calls.

    Args:
        read: must have imported all that it needs: once a file is there, nothing can be imported.
    """
    # Ctrl-C is for the parent, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preload()
    limit_memory(int(sys.argv[1]))
    gc.freeze()  # or every worker would copy the pages that it only counts references in
    control = socket.socket(fileno=CONTROL)
    control.sendall(READY)
    while True:
        front, descriptors, _, _ = socket.recv_fds(control, REQUEST.size, 2)
        if len(front) < REQUEST.size or len(descriptors) != 2:
            return
        (size,) = REQUEST.unpack(front)
        request = json.loads(control.recv(size, socket.MSG_WAITALL))
        status = _fork(control, read, request, *descriptors)
        if status is None:
            return
        control.sendall(STATUS.pack(status))


def preload() -> None:
    """Imports what PyAV and Pillow otherwise import when a file first needs it."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if module.name not in NO_DECODERS:
            importlib.import_module(module.name)
    Image.init()


def _fork(control: socket.socket, read: Reader, request: dict, file: int, reply: int) -> int | None:
    """Has a worker read a file and waits until it is over or the parent has had enough.

    Returns:
        How the worker ended, as `os.waitstatus_to_exitcode` has it; None where the parent has gone.
    """
    # The worker alone holds the other end, so that this one is ready when the worker has ended.
    over, alive = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            file, reply, _ = keep_only([file, reply, alive])
            _work(read, request, file, reply)
        finally:
            os._exit(1)
    for descriptor in (file, reply, alive):
        os.close(descriptor)
    select.select([control, over], [], [])
    os.close(over)
    there = control.recv(1) if select.select([control], [], [], 0)[0] else None
    os.kill(pid, signal.SIGKILL)  # one that ended by itself no longer minds
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if there is None:
        there = control.recv(1)
    return status if there == END else None


def _work(read: Reader, request: dict, file: int, reply: int) -> None:
    path = Path(request["path"])
    confine(request["cpu_s"])
    try:
        kind, last = RESULT, _send_parts(read(OpenFile(path, file), request["values"]), reply)
    except MediaError as error:
        kind, last = REFUSAL, _refusal(error)
    except BrokenPipeError:
        return
    except MemoryError:
        kind, last = REFUSAL, _refusal(TooLarge(path, "takes more memory to decode than the limit"))
    except Exception as error:  # a reader of hostile files may meet anything; the reason goes into the manifest
        reason = f"cannot be decoded ({type(error).__name__}: {error})"
        kind, last = REFUSAL, _refusal(Damaged(path, reason))
    _send(reply, kind, last)
    os._exit(0)


def _send_parts(parts: Generator[Message, None, Message], reply: int) -> Message:
    while True:
        try:
            part = next(parts)
        except StopIteration as end:
            return end.value
        _send(reply, PART, part)


def _refusal(error: MediaError) -> Message:
    return Message({"kind": type(error).__name__, "reason": error.reason})


def _send(reply: int, kind: str, message: Message) -> None:
    for part in pack(kind, message):
        view = memoryview(part)
        while view:
            view = view[os.write(reply, view) :]
