"""A filter of system calls: what a decoder needs that has its file already open, and nothing else.

The list says what is allowed, so a call that the kernel learns tomorrow is refused. A refused call fails with EPERM: a
decoder that tries something harmless goes on.

Reference: the kernel's Documentation/userspace-api/seccomp_filter.rst; include/uapi/linux/{seccomp,filter,audit}.h.
"""

import ctypes
import errno
import os
import struct

from avnet.media.sandbox.system_calls import machine, system_call

# Numbers of the calls on (x86_64, aarch64).
CALLS = {
    # On what is open: the file, and the pipe that takes the reply. Nothing opens anything.
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "close": (3, 57),
    # Memory; mmap and mprotect are below.
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    # Threads of this process, and their locks.
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "membarrier": (324, 283),
    "gettid": (186, 178),
    "getpid": (39, 172),
    "exit": (60, 93),
    "exit_group": (231, 94),
    # Clocks, and what else Python and FFmpeg ask the system.
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "getrandom": (318, 278),
    # Signals that this process receives.
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
}
MMAP, MPROTECT, CLONE, CLONE3, TGKILL = (9, 222), (10, 226), (56, 220), (435, 435), (234, 131)
SECCOMP = (317, 277)
MACHINES = ("x86_64", "aarch64")
ARCHITECTURES = (0xC000003E, 0xC00000B7)

SET_MODE_FILTER, GET_ACTION_AVAIL = 1, 2
TO_ALL_THREADS = 1
KILL_PROCESS, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
CLONE_THREAD, PROT_EXEC = 0x00010000, 0x4

# Classic BPF: load a word, return, and jump if the word is equal or has one of the bits.
LOAD, RETURN, IF_EQUAL, IF_SET = 0x20, 0x06, 0x15, 0x45
# Offsets in what the filter sees: the number, the architecture, and the low words of the arguments (both processors
# are little-endian).
NUMBER, ARCHITECTURE = 0, 4
ARGUMENTS = tuple(range(16, 64, 8))

_Code = list[tuple[int, int, int, int]]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def is_offered() -> bool:
    """Whether this kernel has filters, and the processor is one whose numbers are known."""
    if machine() not in MACHINES:
        return False
    try:
        system_call(SECCOMP[MACHINES.index(machine())], GET_ACTION_AVAIL, 0, ctypes.c_uint32(KILL_PROCESS))
    except OSError:
        return False
    return True


def deny_calls() -> None:
    """Puts the filter over this process; there is no way back.

    Wants "no new privileges" to be set.

    Raises:
        OSError: the kernel refused.
    """
    which = MACHINES.index(machine())
    code = b"".join(struct.pack("<HBBI", *step) for step in program(which, os.getpid()))
    system_call(SECCOMP[which], SET_MODE_FILTER, TO_ALL_THREADS, _Program(len(code) // 8, code))


def program(which: int, pid: int) -> _Code:
    """The filter: (operation, steps to skip if so, steps to skip if not, value) of each step.

    Args:
        which: the processor's place in `MACHINES`.
        pid: of this process, which may send signals to its own threads, as `abort` does.
    """
    # The calls of another architecture (32 bits on x86_64) have other numbers.
    code: _Code = [
        (LOAD, 0, 0, ARCHITECTURE),
        (IF_EQUAL, 1, 0, ARCHITECTURES[which]),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER),
    ]
    for numbers in CALLS.values():
        code += [(IF_EQUAL, 0, 1, numbers[which]), (RETURN, 0, 0, ALLOW)]
    # Memory that runs what was written there would let in any program.
    for numbers in (MMAP, MPROTECT):
        code += _argument_rule(numbers[which], ARGUMENTS[2], (IF_SET, PROT_EXEC), allow=False)
    code += _argument_rule(CLONE[which], ARGUMENTS[0], (IF_SET, CLONE_THREAD), allow=True)
    code += _argument_rule(TGKILL[which], ARGUMENTS[0], (IF_EQUAL, pid), allow=True)
    # Its flags lie in memory, where no filter looks; without it the C library takes clone.
    code += [(IF_EQUAL, 0, 1, CLONE3[which]), (RETURN, 0, 0, ERRNO | errno.ENOSYS)]
    return [*code, (RETURN, 0, 0, ERRNO | errno.EPERM)]


def _argument_rule(number: int, argument: int, test: tuple[int, int], *, allow: bool) -> _Code:
    """One call, allowed or refused where an argument passes a test, otherwise the opposite."""
    operation, value = test
    yes, no = (ALLOW, ERRNO | errno.EPERM) if allow else (ERRNO | errno.EPERM, ALLOW)
    return [
        (IF_EQUAL, 0, 4, number),
        (LOAD, 0, 0, argument),
        (operation, 0, 1, value),
        (RETURN, 0, 0, yes),
        (RETURN, 0, 0, no),
    ]
