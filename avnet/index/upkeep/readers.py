"""Who still reads segments that the tables no longer name: a lock that ends with the process that holds it.

The tables have a generation, which goes up whenever segments are replaced by others. Beside the segments lies an empty
file for each, `.readers-00000001`, and whoever has an index open holds a shared lock on that of the generation that it
reads. A segment that was replaced in generation 1 is deleted by a later writer that gets every file up to that of
generation 1 for itself. A reader takes the lock while it holds the tables, in which nothing can be replaced meanwhile.
Where a disk knows no such locks, or the file is missing, a reader goes on with what it has mapped.
"""

import contextlib
import fcntl
import os
import re
from pathlib import Path

from avnet.errors import IndexFolderError

_NAME = re.compile(r"\.readers-(\d{8})")


def readers_file(folder: Path, generation: int) -> Path:
    """What readers of a generation hold."""
    return folder / f".readers-{generation:08d}"


def offer(folder: Path, generation: int) -> None:
    """Makes the file of a generation.

    Raises:
        IndexFolderError: the system refused.
    """
    try:
        readers_file(folder, generation).touch()
    except OSError as error:
        raise IndexFolderError(folder, f"cannot be written ({error.strerror})") from None


def generations(folder: Path) -> list[int]:
    """Those that have a file."""
    matches = (_NAME.fullmatch(file.name) for file in folder.iterdir())
    return sorted(int(match[1]) for match in matches if match)


class ReaderLock:
    """Says that this process reads a generation.

    Attributes:
        generation: which; None before the first.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._descriptor: int | None = None
        self.generation: int | None = None

    def move(self, generation: int) -> None:
        """Takes the lock of a generation, then lets go of the one before; call it while the tables are held."""
        descriptor = None
        with contextlib.suppress(OSError):  # of an index of before, or a disk without locks
            descriptor = os.open(readers_file(self._folder, generation), os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        self.release()
        self._descriptor, self.generation = descriptor, generation

    def release(self) -> None:
        """Lets go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = self.generation = None

    def __del__(self):
        self.release()


def has_readers(folder: Path, generation: int) -> bool:
    """Whether anybody reads a generation, or one before it."""
    return any(_is_held(readers_file(folder, other)) for other in generations(folder) if other <= generation)


def _is_held(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks here
        return False
    finally:
        os.close(descriptor)
    return False
