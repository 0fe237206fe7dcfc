"""A decoding program that has been taken over: it does what it is told, in the place of a decoder."""

import ctypes
import fcntl
import json
import mmap
import os
import pickle
import resource
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np

from avnet.errors import TooShort
from avnet.media.container import FileReader, OpenFile
from avnet.media.sandbox.decoder import serve
from avnet.media.sandbox.messages import Message

REPLY = 4  # where the worker has the pipe to the parent
events: list[str] = []


class Harmful:
    """Unpickled, it leaves a file behind."""

    def __init__(self, file: str):
        self.file = file

    def __reduce__(self):
        return Path.touch, (Path(self.file),)


def front(header: int, arrays: int) -> bytes:
    return struct.pack("<IQ", header, arrays)


def send(header: Any, arrays: bytes = b"", claim: int | None = None) -> None:
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    os.write(REPLY, front(len(data), len(arrays) if claim is None else claim) + data + arrays)


def endless(header: Any, arrays: bytes) -> None:
    while True:
        send(header, arrays)


def spin() -> None:
    while True:
        pass


def in_a_thread() -> None:
    thread = threading.Thread(target=events.append, args=("thread",))
    thread.start()
    thread.join()


TRIES: dict[str, Callable[[dict], object]] = {
    # What the sandbox forbids; each is to end in an error.
    "read another file": lambda facts: Path(facts["other"]).read_bytes(),
    "read its own file by name": lambda facts: Path(facts["own"]).read_bytes(),
    "read it through /proc": lambda facts: Path("/proc/self/fd/3").read_bytes(),
    "look into another process": lambda facts: Path(f"/proc/{facts['pid']}/environ").read_bytes(),
    "list a folder": lambda facts: os.listdir("/"),
    "ask for a size": lambda facts: os.stat(facts["other"]),
    "write a file": lambda facts: Path(facts["new"]).write_text("x"),
    "change its file": lambda facts: os.ftruncate(3, 0),
    "write into its file": lambda facts: os.write(3, b"x"),
    "remove a file": lambda facts: os.unlink(facts["other"]),
    "make a folder": lambda facts: os.mkdir(facts["new"]),
    "make a pipe": lambda facts: os.pipe(),
    "open a socket": lambda facts: socket.socket().connect((b"127.0.0.1", facts["port"])),
    "send a datagram": lambda facts: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "make a pair of sockets": lambda facts: socket.socketpair(),
    "fork": lambda facts: os.fork(),
    "start a program": lambda facts: os.execv("/bin/sh", ["sh", "-c", f"touch {facts['new']}"]),
    "spawn": lambda facts: os.posix_spawn("/bin/sh", ["sh", "-c", f"touch {facts['new']}"], {}),
    "kill the parent": lambda facts: os.kill(facts["pid"], 9),
    "kill the program that forked it": lambda facts: os.kill(facts["program"], 9),
    "kill everybody": lambda facts: os.kill(-1, 9),
    "get its limits back": lambda facts: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)),
    "run what it wrote": lambda facts: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "share memory": lambda facts: os.memfd_create("x"),
    "leave its session": lambda facts: os.setsid(),
    "type on the terminal": lambda facts: fcntl.ioctl(2, 0x5412, b"x"),
}
ENDS: dict[str, Callable[[dict], object]] = {
    # What no call prevents: the parent ends it.
    "die": lambda facts: ctypes.string_at(0),
    "abort": lambda facts: os.abort(),
    "leave": lambda facts: os._exit(0),
    "spin": lambda facts: spin(),
    "sleep": lambda facts: time.sleep(600),
    "close everything and sleep": lambda facts: (os.closerange(0, 256), time.sleep(600)),
}
MESSAGES: dict[str, Callable[[dict], object]] = {
    "a pickle": lambda facts: os.write(REPLY, front(100, 0) + pickle.dumps(Harmful(facts["new"])).ljust(100)),
    "a pickle without a frame": lambda facts: os.write(REPLY, pickle.dumps(Harmful(facts["new"])) * 20),
    "a terabyte": lambda facts: os.write(REPLY, front(50, 1 << 40)),
    "a header of 4 GB": lambda facts: os.write(REPLY, front(0xFFFFFFFF, 0)),
    "no header": lambda facts: os.write(REPLY, front(0, 0)),
    "no JSON": lambda facts: send(b"\xff\xfe{"),
    "deep JSON": lambda facts: send(b"[" * 100_000),
    "a long number": lambda facts: send(b'["part", {"x": ' + b"9" * 100_000 + b"}, []]"),
    "NaN": lambda facts: send(b'["part", {"time": NaN}, []]'),
    "infinity": lambda facts: send(b'["part", {"time": 1e999}, []]'),
    "another type": lambda facts: send(["part", {"time": "now"}, []]),
    "nothing in it": lambda facts: send(["part", {}, []]),
    "a list": lambda facts: send(["part", [], []]),
    "a type with code": lambda facts: send(["part", {"time": 1}, [["samples", "object", [1]]]], bytes(8)),
    "a negative shape": lambda facts: send(["part", {"time": 1}, [["samples", "int16", [-1, -2]]]], bytes(4)),
    "a shape of another size": lambda facts: send(["part", {"time": 1}, [["samples", "int16", [3]]]], bytes(4)),
    "a shape of many axes": lambda facts: send(["part", {"time": 1}, [["samples", "int16", [1] * 100]]], bytes(2)),
    "a shape in fractions": lambda facts: send(["part", {"time": 1}, [["samples", "int16", [1.0]]]], bytes(2)),
    "a shape that overflows": lambda facts: send(["part", {"time": 1}, [["samples", "uint8", [1 << 60, 16]]]], b""),
    "two arrays of one name": lambda facts: send(["part", {"time": 1}, [["samples", "uint8", [1]]] * 2], bytes(2)),
    "a name that is none": lambda facts: send(["part", {"time": 1}, [[["samples"], "uint8", [1]]]], bytes(1)),
    "arrays without end": lambda facts: send(["part", {"time": 1}, [[str(i), "uint8", [0]] for i in range(9999)]]),
    "messages without end": lambda facts: endless(
        ["part", {"time": 1}, [["samples", "int16", [500_000]]]], bytes(1_000_000)
    ),
    "headers without end": lambda facts: endless(["part", {"time": 1, "x": "x" * 500_000}, []], b""),
    "an odd kind": lambda facts: send(["exec", {"time": 1}, []]),
    "a result that is none": lambda facts: send(["result", {"count": -1}, []]),
    "a refusal of no kind": lambda facts: send(["refusal", {"kind": "SystemExit", "reason": "x"}, []]),
    "a refusal that is a class of ours": lambda facts: send(["refusal", {"kind": "ConfigError", "reason": "x"}, []]),
    "a refusal that is a module": lambda facts: send(["refusal", {"kind": "os", "reason": "x"}, []]),
    "a refusal without a reason": lambda facts: send(["refusal", {"kind": "Silent", "reason": ["x"]}, []]),
}


def read(file: OpenFile, facts: dict[str, Any]) -> Generator[Message, None, Message]:
    """One honest part, then what is told."""
    events.append("file")
    yield Message({"time": 0.5}, {"samples": np.arange(4, dtype=np.int16)})
    act = facts["act"]
    if act in TRIES:
        TRIES[act](facts)
    if act in ENDS:
        ENDS[act](facts)
    if act in MESSAGES:
        MESSAGES[act](facts)
        time.sleep(600)
    if act == "say terrible things":
        raise TooShort(file.path, "\x1b[2J\x07" + "so " * 1000)
    if act == "hoard":
        bytearray(4 << 30)
    if act == "stumble":
        raise ZeroDivisionError("by chance")
    if act == "talk":
        print("terrible", flush=True)
        print("terrible", file=sys.stderr, flush=True)
    if act == "use threads":
        in_a_thread()
    for i in range(facts.get("parts", 1)):
        yield Message({"time": float(i + 1)}, {"samples": np.zeros(facts.get("size", 10), np.int16)})
    content = FileReader(file).readall()
    environment = np.frombuffer("\n".join(os.environ).encode(), np.uint8)
    return Message({"count": len(events), "length": len(content)}, {"environment": environment})


if __name__ == "__main__":
    serve(read)
