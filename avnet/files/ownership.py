"""Whose a file is: no program writes over what it has read, or over what avnet did not write.

Beside results lies a hidden `.avnet-results`: a line for each file that avnet wrote into the folder, with its size and
digest. A file that is there already is replaced when a line says so, and refused otherwise: it is somebody else's, or
somebody has changed it since. What was read is known by its inode, so that links and other spellings of a path are the
same file. That holds for a command (`protected_inputs`).
"""

import contextlib
import functools
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from avnet.errors import AvnetError

RECEIPTS = ".avnet-results"


class Identity(NamedTuple):
    """A state of a file, whatever its name; an inode alone is soon given to another file."""

    device: int
    inode: int
    bytes: int
    changed_ns: int


# Of the command that runs; in a notebook nobody can say where one begins, and results are looked at before the next.
_inputs: set[Identity] | None = None


@contextlib.contextmanager
def protected_inputs() -> Iterator[None]:
    """A command: what it reads is not overwritten until it ends."""
    global _inputs
    outer, _inputs = _inputs, set()
    try:
        yield
    finally:
        _inputs = outer


def note_input(path: str | Path) -> None:
    """Remembers that the command has read a file, which is then not to be replaced."""
    if _inputs is not None:
        with contextlib.suppress(OSError):
            _inputs.add(_identity(os.stat(path)))


def refuse_input(path: Path, refusal: type[AvnetError] = AvnetError) -> None:
    """Makes sure that a file may be replaced as far as inputs go: that it is not there, or a regular file not read.

    Raises:
        AvnetError: it is an input of the command, a link, a folder or a device; of the class `refusal`.
    """
    try:
        state = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise refusal(path, f"cannot be written ({error.strerror})") from None
    with contextlib.suppress(OSError):
        if _inputs and _identity(os.stat(path)) in _inputs:
            raise refusal(path, "is not overwritten: it is an input; choose another place for the results")
    if stat.S_ISDIR(state.st_mode):
        raise refusal(path, "cannot be written: it is a folder")
    if stat.S_ISLNK(state.st_mode):
        raise refusal(path, "is not overwritten: it is a link; choose another place for the results")
    if not stat.S_ISREG(state.st_mode):
        raise refusal(path, "cannot be written: it is not a regular file")


def refuse_foreign(path: Path, refusal: type[AvnetError] = AvnetError) -> None:
    """Makes sure that a result may be written: that there is no such file, or an earlier result of avnet.

    Raises:
        AvnetError: there is one that avnet did not write, or that has been changed since, or as `refuse_input`.
    """
    refuse_input(path, refusal)
    try:
        if path.exists() and not is_result(path):
            raise refusal(
                path, "is not overwritten: avnet did not write it; move it, or choose another place for the results"
            )
    except OSError as error:
        raise refusal(path, f"cannot be written ({error.strerror or error})") from None


def check_results(folder: Path, names: Iterable[str], inputs: Iterable[Path] = ()) -> None:
    """Makes sure, before the work begins, that results may be written.

    Args:
        folder: of the results; it may be missing.
        names: of the files.
        inputs: files that will be read.

    Raises:
        AvnetError: as `refuse_foreign`.
    """
    for path in inputs:
        note_input(path)
    for name in names:
        refuse_foreign(folder / name)


def record_result(file: Path, path: Path) -> None:
    """Adds the line that makes a file one of avnet's.

    Args:
        file: whole, still under a temporary name.
        path: the name that it is about to have.

    Raises:
        OSError: the line cannot be written.
    """
    receipt = _receipt(file, path.name)
    # A first result has no line yet, so the lines of thousands beside it need not be read for each.
    if not path.exists() or receipt not in _receipts(path.parent):
        with (path.parent / RECEIPTS).open("a", encoding="ascii") as lines:
            lines.write(receipt + "\n")
            lines.flush()
            os.fsync(lines.fileno())


def remove_result(path: Path) -> None:
    """Deletes a file where it is an earlier result of avnet; another stays.

    Raises:
        AvnetError: it cannot be deleted.
    """
    try:
        if path.is_file() and is_result(path):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise AvnetError(path, f"cannot be deleted ({error.strerror or error})") from None


def is_result(path: Path) -> bool:
    """Whether a file is a result of avnet as it was written, or a folder holds nothing else."""
    if path.is_symlink():
        return False
    if path.is_dir():
        return all(file.name == RECEIPTS or is_result(file) for file in path.iterdir())
    return path.is_file() and _receipt(path, path.name) in _receipts(path.parent)


def _identity(state: os.stat_result) -> Identity:
    return Identity(state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)


def _receipt(file: Path, name: str) -> str:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    # As ASCII, since a name may hold bytes that are no text, or a line break.
    return json.dumps({"file": name, "bytes": file.stat().st_size, "blake2b": digest})


def _receipts(folder: Path) -> frozenset[str]:
    path = folder / RECEIPTS
    # A device or pipe under this name would be read without end.
    if not path.is_file():
        return frozenset()
    state = path.stat()
    return _lines(path, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=1)
def _lines(path: Path, size: int, changed_ns: int) -> frozenset[str]:
    """The lines of a file in one of its states."""
    return frozenset(path.read_text(encoding="ascii", errors="replace").splitlines())
