"""What XLA has compiled is kept for the next start: a program that took seconds to compile is then read from disk."""

import hashlib
import os
import platform
import sys
from pathlib import Path

# Least seconds of compiling worth a file, and bytes of all files, of which those unused for longest are removed.
LEAST_S, MOST_BYTES = 0.05, 2_000_000_000


def enable_compile_cache() -> None:
    """Names a folder of the user's cache to JAX, unless the user has named one or JAX is loaded already.

    `JAX_ENABLE_COMPILATION_CACHE=false` turns it off, `JAX_COMPILATION_CACHE_DIR` chooses another folder. Each kind of
    processor has its own, since a home may be shared by several, and code for one may not run on another.
    """
    if "jax" in sys.modules or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "avnet" / f"compiled-{_processor()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(MOST_BYTES))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", str(LEAST_S))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        features = next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        features = platform.processor()
    return hashlib.sha256(f"{platform.machine()} {features}".encode()).hexdigest()[:12]
