"""Files and folders that appear under their name when they are whole and on disk, or not at all."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from avnet.errors import AvnetError
from avnet.files.names import cut_name
from avnet.files.ownership import record_result, refuse_foreign, refuse_input


@contextlib.contextmanager
def whole_file(path: Path, refusal: type[AvnetError] = AvnetError, *, own: bool = False) -> Iterator[Path]:
    """A temporary name beside `path`; the file takes the place of `path`, flushed to disk, when the block succeeds.

    Args:
        path: the file.
        refusal: the class of what is raised.
        own: whether it is part of a folder that was checked to be avnet's (an index, records, a run), so that what is
            there may be replaced; a result among other files of the user replaces nothing but an earlier result.

    Raises:
        AvnetError: the system refused, or the file that is there is not avnet's (`avnet.files.ownership`).
    """
    temporary = temporary_name(path)
    try:
        (refuse_input if own else refuse_foreign)(path, refusal)
        yield temporary
        flush(temporary)
        # Again, since the work may have taken hours; and first the line, then the file: a crash between them must not
        # leave a result that is nobody's.
        (refuse_input if own else refuse_foreign)(path, refusal)
        if not own:
            record_result(temporary, path)
        # The file before its name, then the folder: after a power cut the name must not stand for half a file.
        os.replace(temporary, path)
        flush(path.parent)
    except OSError as error:
        raise refusal(path, f"cannot be written ({error.strerror or error})") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(
    path: Path, foreign: Callable[[Path], str | None], refusal: type[AvnetError] = AvnetError
) -> Iterator[Path]:
    """An empty temporary folder beside `path` that takes the place of `path` and all in it when the block succeeds.

    Args:
        path: the folder.
        foreign: says why a folder that is not empty may not be replaced; None where it was written by the same program.
        refusal: the class of what is raised.

    Raises:
        AvnetError: the system refused, or the folder that is there may not be replaced.
    """
    path = Path(os.path.realpath(path))  # through a link the folder is replaced, not the link
    temporary, earlier = temporary_name(path), temporary_name(path, "old")
    try:
        refuse_other(path, foreign, refusal)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.iterdir():
            flush(file)
        if path.exists():
            # A folder that is not empty cannot be replaced in one call, so the earlier one steps aside and comes back
            # if need be; it is deleted when the new one is in its place, and not before.
            path.rename(earlier)
        try:
            temporary.rename(path)
        except BaseException:
            if earlier.exists():
                earlier.rename(path)
            raise
        shutil.rmtree(earlier, ignore_errors=True)
        flush(path.parent)
    except OSError as error:
        raise refusal(path, f"cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def refuse_other(path: Path, foreign: Callable[[Path], str | None], refusal: type[AvnetError] = AvnetError) -> None:
    """Makes sure that a folder may be replaced, as `whole_folder` does.

    Raises:
        AvnetError: it may not.
    """
    try:
        if path.exists() and not path.is_dir():
            raise refusal(path, "cannot be written: it is not a folder")
        if path.exists() and any(path.iterdir()) and (reason := foreign(path)):
            raise refusal(path, f"is not replaced: {reason}; choose another folder")
    except OSError as error:
        raise refusal(path, f"cannot be written ({error.strerror or error})") from None


def write_bytes(path: Path, content: bytes, refusal: type[AvnetError] = AvnetError, *, own: bool = False) -> None:
    """Writes a file as in `whole_file`."""
    with whole_file(path, refusal, own=own) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str, refusal: type[AvnetError] = AvnetError, *, own: bool = False) -> None:
    """Writes text as UTF-8; what has no UTF-8 (odd bytes of a file's name) becomes a question mark."""
    write_bytes(path, content.encode("utf-8", "replace"), refusal, own=own)


def temporary_name(path: Path, suffix: str = "tmp") -> Path:
    """A hidden name beside `path` that no other process uses, on this machine or another."""
    return path.with_name(f".{cut_name(path.name)}.{secrets.token_hex(8)}.{suffix}")


def flush(path: Path) -> None:
    """Makes the system write a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
