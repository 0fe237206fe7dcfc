"""How a process gives up what decoding does not need: limits, then Landlock, then the filter of system calls.

Each layer holds alone; where the kernel does not offer one, the others are in force.
"""

import contextlib
import os
import resource
import signal

from avnet.media.sandbox import landlock, seccomp
from avnet.media.sandbox.system_calls import PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, machine, process_control

LIMITS, LANDLOCK, SECCOMP = "limits", "landlock", "seccomp"


def protection() -> tuple[str, ...]:
    """The layers that are in force on this machine while a file is decoded.

    `limits` are always there: memory, CPU time, no new file or socket, no byte written to any file. `landlock` and
    `seccomp` are where the kernel offers them: the one takes away every right to files, the other every system call
    that decoding an open file does not need.
    """
    return (LIMITS, *[LANDLOCK] * (landlock.version() > 0), *[SECCOMP] * seccomp.is_offered())


def limit_memory(memory_mb: int) -> None:
    """Limits the address space of this process and of those that it forks, MB, and turns core dumps off."""
    _limit(resource.RLIMIT_AS, memory_mb << 20)
    _limit(resource.RLIMIT_CORE, 0)


def confine(cpu_s: int) -> None:
    """Leaves this process nothing but its memory, `cpu_s` seconds of CPU time and the descriptors that are open."""
    layers = protection()
    # The first second over the limit is a signal, the next the end.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s + 1, cpu_s + 2))
    _limit(resource.RLIMIT_FSIZE, 0)
    if SECCOMP not in layers:  # which lets threads through; this counts them, too
        _limit(resource.RLIMIT_NPROC, 0)
    if machine():
        process_control(PR_SET_PDEATHSIG, signal.SIGKILL)
        process_control(PR_SET_NO_NEW_PRIVS, 1)
    # A filter around this process, such as that of a container, may refuse what the kernel offers.
    if LANDLOCK in layers:
        with contextlib.suppress(OSError):
            landlock.deny_files()
    _limit(resource.RLIMIT_NOFILE, 0)  # of no effect on those that are open
    if SECCOMP in layers:
        with contextlib.suppress(OSError):
            seccomp.deny_calls()


def keep_only(descriptors: list[int]) -> list[int]:
    """Closes every descriptor but these, which become 3, 4, ...; the standard ones lead nowhere.

    Returns:
        Their new numbers, in order.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    # Out of the way first, or one could fall on another.
    high = [os.dup(descriptor) for descriptor in descriptors]
    first = max([3 + len(high), *high]) + 1
    high = [os.dup2(descriptor, first + i, inheritable=False) for i, descriptor in enumerate(high)]
    low = [os.dup2(descriptor, 3 + i, inheritable=False) for i, descriptor in enumerate(high)]
    os.closerange(3 + len(low), max(high) + 1)
    return low


def _limit(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, value))
