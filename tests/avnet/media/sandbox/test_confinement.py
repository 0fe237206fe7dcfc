import errno
import os
import re
from pathlib import Path

import pytest
from media.hostile_decoder import TRIES
from media.layered_decoder import LAYERS

from avnet.errors import Damaged
from avnet.media.sandbox import landlock, seccomp, system_calls
from avnet.media.sandbox.confinement import protection
from avnet.media.sandbox.messages import Message
from avnet.media.sandbox.sandbox import Sandbox

MOST = 1 << 20
# asm/unistd_64.h and asm-generic/unistd.h of the kernel, where its headers are installed.
HEADERS = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}


def test_all_layers_that_the_kernel_offers_are_in_force():
    assert protection()[0] == "limits"
    assert ("landlock" in protection()) == (landlock.version() > 0)
    assert ("seccomp" in protection()) == seccomp.is_offered()


def read(tmp_path: Path, act: str, layers: str, monkeypatch) -> Message:
    path, other = tmp_path / "film", tmp_path / "other"
    path.write_bytes(b"film")
    other.write_bytes(b"secret")
    monkeypatch.setenv(LAYERS, layers)
    facts = {"act": act, "other": str(other), "new": str(tmp_path / "new"), "pid": os.getpid(), "own": str(path)}
    with Sandbox("media.layered_decoder") as sandbox:
        return sandbox.read(path, facts, lambda part: part, lambda result: result, MOST).result


@pytest.mark.parametrize("layers", ["limits", "limits,landlock", "limits,seccomp"])
def test_a_file_is_read_whatever_the_kernel_offers(tmp_path, monkeypatch, layers):
    if not set(layers.split(",")) <= set(protection()):
        pytest.skip("this kernel does not offer it")
    assert read(tmp_path, "use threads", layers, monkeypatch).values["length"] == 4


@pytest.mark.parametrize("act", ["read another file", "write a file", "open a socket", "make a pipe", "list a folder"])
def test_limits_alone_let_nothing_be_opened(tmp_path, monkeypatch, act):
    with pytest.raises(Damaged, match="Too many open files"):
        read(tmp_path, act, "limits", monkeypatch)


@pytest.mark.skipif("landlock" not in protection(), reason="this kernel has no Landlock")
@pytest.mark.parametrize("act", ["remove a file", "make a folder", "kill the parent"])
def test_landlock_alone_takes_the_rights_to_files_and_signals(tmp_path, monkeypatch, act):
    if act == "kill the parent" and landlock.version() < landlock.SCOPE_VERSION:
        pytest.skip("this Landlock does not know signals")
    with pytest.raises(Damaged, match="PermissionError"):
        read(tmp_path, act, "limits,landlock", monkeypatch)
    assert (tmp_path / "other").exists() and not (tmp_path / "new").exists()


@pytest.mark.skipif("seccomp" not in protection(), reason="this kernel has no filter of system calls")
@pytest.mark.parametrize("act", sorted(TRIES.keys() & {"remove a file", "kill the parent", "fork", "start a program"}))
def test_the_filter_alone_lets_nothing_be_done(tmp_path, monkeypatch, act):
    with pytest.raises(Damaged, match="PermissionError"):
        read(tmp_path, act, "limits,seccomp", monkeypatch)
    assert (tmp_path / "other").exists() and not (tmp_path / "new").exists()


def test_a_machine_of_other_numbers_has_limits_alone(monkeypatch):
    monkeypatch.setattr(system_calls.platform, "machine", lambda: "riscv64")
    assert not seccomp.is_offered()
    monkeypatch.setattr(system_calls.platform, "system", lambda: "Darwin")
    assert protection() == ("limits",)


@pytest.mark.parametrize("which", [0, 1])
def test_numbers_of_the_calls_are_those_of_the_kernel(which):
    header = Path("/usr/include") / HEADERS[seccomp.MACHINES[which]]
    if not header.exists():
        pytest.skip("the headers of the kernel are not installed")
    by_name = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    ours = {
        **seccomp.CALLS,
        "mmap": seccomp.MMAP,
        "mprotect": seccomp.MPROTECT,
        "clone": seccomp.CLONE,
        "clone3": seccomp.CLONE3,
        "tgkill": seccomp.TGKILL,
        "seccomp": seccomp.SECCOMP,
    }
    for name, numbers in ours.items():
        assert int(by_name[name]) == numbers[which], name


def decision(which: int, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the filter says, by an interpreter of its four operations."""
    words = {seccomp.NUMBER: number, seccomp.ARCHITECTURE: architecture or seccomp.ARCHITECTURES[which]}
    words |= {at: value & 0xFFFFFFFF for at, value in zip(seccomp.ARGUMENTS, (*arguments, *[0] * 6), strict=False)}
    code, at, register = seccomp.program(which, 4711), 0, 0
    while True:
        operation, yes, no, value = code[at]
        at += 1
        if operation == seccomp.RETURN:
            return value
        if operation == seccomp.LOAD:
            register = words[value]
        else:
            at += yes if (register == value if operation == seccomp.IF_EQUAL else register & value) else no


@pytest.mark.parametrize("which", [0, 1])
def test_filter_worked_out_by_hand(which):
    allow, refuse = seccomp.ALLOW, seccomp.ERRNO | errno.EPERM
    assert {decision(which, numbers[which]) for numbers in seccomp.CALLS.values()} == {allow}
    others = set(range(600)) - {numbers[which] for numbers in seccomp.CALLS.values()}
    others -= {numbers[which] for numbers in (seccomp.MMAP, seccomp.MPROTECT, seccomp.CLONE3)}
    assert {decision(which, number) for number in others} == {refuse}
    for call in (seccomp.MMAP, seccomp.MPROTECT):
        assert decision(which, call[which], 0, 4096, 3) == allow
        assert decision(which, call[which], 0, 4096, 7) == decision(which, call[which], 0, 4096, 4) == refuse
    # As the C library makes threads, and as it forks.
    assert decision(which, seccomp.CLONE[which], 0x003D0F00) == allow
    assert decision(which, seccomp.CLONE[which], 0x01200011) == refuse
    assert decision(which, seccomp.CLONE3[which]) == seccomp.ERRNO | errno.ENOSYS
    assert decision(which, seccomp.TGKILL[which], 4711) == allow
    assert decision(which, seccomp.TGKILL[which], 1) == refuse
    # Calls of the 32-bit and of the x32 interface of x86_64.
    assert decision(which, 0, architecture=0x40000003) == seccomp.KILL_PROCESS
    assert decision(which, 0x40000000 + seccomp.CALLS["read"][which]) == refuse
