"""What XLA has compiled is kept for the next start: a program that took seconds to compile is then read from disk."""

import functools
import hashlib
import os
import platform
import sys
import warnings
from pathlib import Path
from typing import Any

from avnet.program.cache import warn_once, writable_folder

# Least seconds of compiling worth a file, and bytes of all files, of which those unused for longest are removed.
LEAST_S, MOST_BYTES = 0.05, 2_000_000_000
# What JAX says of an entry that it cannot read or write.
FAILURE = "persistent compilation cache entry"


@functools.cache  # one program may enter the frame of all programs twice
def enable_compile_cache() -> None:
    """Names a folder of the user's cache to JAX, unless the user has named one or JAX is loaded already.

    `JAX_ENABLE_COMPILATION_CACHE=false` turns it off, `JAX_COMPILATION_CACHE_DIR` chooses another folder. Each kind of
    processor has its own, since a home may be shared by several, and code for one may not run on another.
    """
    if "jax" in sys.modules:
        return
    _sum_up_failures()
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = writable_folder(f"compiled-{_processor()}")
    if folder is not None:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(MOST_BYTES))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", str(LEAST_S))


def _sum_up_failures() -> None:
    """Makes one line of JAX's warnings about a cache that is full or damaged: it has one for each function."""
    show = warnings.showwarning

    def show_or_sum_up(message: Warning | str, *details: Any, **more: Any) -> None:
        if FAILURE in str(message):
            warn_once(f"{os.environ.get('JAX_COMPILATION_CACHE_DIR')}: is full or damaged; delete it")
        else:
            show(message, *details, **more)

    warnings.showwarning = show_or_sum_up


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        features = next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        features = platform.processor()
    return hashlib.sha256(f"{platform.machine()} {features}".encode()).hexdigest()[:12]
