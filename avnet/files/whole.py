"""Files and folders that appear under their name when they are whole and on disk, or not at all."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from avnet.errors import AvnetError
from avnet.files.names import cut_name


@contextlib.contextmanager
def whole_file(path: Path, refusal: type[AvnetError] = AvnetError) -> Iterator[Path]:
    """A temporary name beside `path`; the file takes the place of `path`, flushed to disk, when the block succeeds.

    Raises:
        AvnetError: the system refused; of the class `refusal`.
    """
    temporary = temporary_name(path)
    try:
        if path.is_dir():
            raise refusal(path, "cannot be written: it is a folder")
        yield temporary
        flush(temporary)
        # The file before its name, then the folder: after a power cut the name must not stand for half a file.
        os.replace(temporary, path)
        flush(path.parent)
    except OSError as error:
        raise refusal(path, f"cannot be written ({error.strerror or error})") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path, refusal: type[AvnetError] = AvnetError) -> Iterator[Path]:
    """An empty temporary folder beside `path` that takes the place of `path` and all in it when the block succeeds.

    Raises:
        AvnetError: the system refused; of the class `refusal`.
    """
    temporary, earlier = temporary_name(path), temporary_name(path, "old")
    try:
        if path.exists() and not path.is_dir():
            raise refusal(path, "cannot be written: it is not a folder")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.iterdir():
            flush(file)
        if path.exists():
            # A folder that is not empty cannot be replaced in one call, so the earlier one steps aside and comes back
            # if need be.
            path.rename(earlier)
        try:
            temporary.rename(path)
        except OSError:
            if earlier.exists():
                earlier.rename(path)
            raise
        flush(path.parent)
    except OSError as error:
        raise refusal(path, f"cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(earlier, ignore_errors=True)


def write_bytes(path: Path, content: bytes, refusal: type[AvnetError] = AvnetError) -> None:
    """Writes a file as in `whole_file`."""
    with whole_file(path, refusal) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str, refusal: type[AvnetError] = AvnetError) -> None:
    """Writes text as UTF-8; what has no UTF-8 (odd bytes of a file's name) becomes a question mark."""
    write_bytes(path, content.encode("utf-8", "replace"), refusal)


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
