"""The system calls that Python's standard library does not offer, by number.

ctypes in place of a package: pyseccomp was last released in 2021 and needs the system's libseccomp, the packages that
speak Landlock are pre-releases or a few weeks old, and what is needed of both is less than two hundred lines.
"""

import ctypes
import os
import platform

# linux/prctl.h
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long


def machine() -> str:
    """The processor whose numbers the kernel uses: x86_64, aarch64 or another; empty where this is not Linux.

    A 32-bit Python on a 64-bit kernel has the numbers of neither.
    """
    if platform.system() != "Linux" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return ""
    return platform.machine()


def system_call(number: int, *arguments: int | ctypes.c_uint32 | ctypes.Structure | None) -> int:
    """Calls the kernel.

    Args:
        number: of the call on this machine.
        arguments: integers, and what is to be passed by its address; None is the null pointer.

    Raises:
        OSError: the kernel refused.
    """
    result = _LIBC.syscall(ctypes.c_long(number), *map(_argument, arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def process_control(option: int, value: int) -> None:
    """`prctl(option, value)`.

    Raises:
        OSError: the kernel refused.
    """
    zero = ctypes.c_ulong(0)
    if _LIBC.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _argument(value):
    # An int would be passed as 32 bits.
    if value is None or isinstance(value, int):
        return ctypes.c_void_p(value) if value is None else ctypes.c_long(value)
    return ctypes.byref(value)
