"""The folder of a user's cache, and how programs do without one."""

import atexit
import functools
import os
import shutil
import sys
import tempfile
from pathlib import Path

from avnet.errors import AvnetError

# Of a process whose user has none; nothing in it is kept.
_temporary_home: str | None = None


def cache_folder() -> Path | None:
    """Where this user's programs may keep what can be made again; None where there is no home, as of a bare uid."""
    if _temporary_home is not None and os.environ.get("HOME") == _temporary_home:
        return None
    choice = Path(os.environ.get("XDG_CACHE_HOME") or "")
    if choice.is_absolute():
        return choice / "avnet"
    try:
        home = Path.home()
    except RuntimeError:  # neither HOME nor a name of the user
        return None
    return home / ".cache" / "avnet" if home.is_absolute() else None


def writable_folder(name: str) -> Path | None:
    """A folder in the user's cache, made if need be; None, with one warning, where nothing can be kept there."""
    cache = cache_folder()
    if cache is None:
        _give_temporary_home()
        warn_once("there is no home folder; set HOME or XDG_CACHE_HOME")
        return None
    folder = cache / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Permissions do not tell of a full or a read-only disk.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
    except OSError as error:
        warn_once(f"{AvnetError(folder, f'cannot be written ({error.strerror or error})')}")
        return None
    return folder


@functools.cache
def warn_once(reason: str) -> None:
    """Says on stderr that nothing is kept for the next start, once for each reason."""
    print(f"without a cache, so each start takes longer: {reason}", file=sys.stderr)


def _give_temporary_home() -> None:
    """Gives libraries a home that goes with this process: Matplotlib and others do not start without one."""
    global _temporary_home
    home, process = tempfile.mkdtemp(prefix="avnet-home-"), os.getpid()
    os.environ["HOME"] = _temporary_home = home

    def remove() -> None:
        if os.getpid() == process:  # not a child that was forked
            shutil.rmtree(home, ignore_errors=True)

    atexit.register(remove)
