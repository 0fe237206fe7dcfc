"""Memory that a step of training frees is kept for the next one, which needs as much."""

import ctypes
import functools
import os
import sys

# Options of mallopt, from malloc.h of glibc: at most so many blocks from the system by themselves, the free memory
# beyond which the system gets some back, how much is taken from it at a time, and the number of arenas.
MMAP_MAX, TRIM_THRESHOLD, TOP_PAD, ARENA_MAX = -4, -1, -2, -8
NEVER, PAD_BYTES = -1, 1 << 28
# Who has set one of these, or another allocator, wants something else.
CHOSEN = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")


@functools.cache
def keep_memory() -> bool:
    """Lets the C library of Linux keep all memory that is freed, for this process.

    XLA allocates the arrays of a step anew each time. By default glibc takes large blocks from the system and gives
    them back, and the system clears their pages each time that they are touched again. The process then keeps what it
    once needed at most.

    Returns:
        Whether it does: False for another C library, and where an environment variable has chosen something.
    """
    if sys.platform != "linux" or any(name.startswith(CHOSEN) for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((MMAP_MAX, 0), (TRIM_THRESHOLD, NEVER), (TOP_PAD, PAD_BYTES), (ARENA_MAX, 1))
    return all(mallopt(option, value) == 1 for option, value in settings)
