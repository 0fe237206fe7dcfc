"""Files that commands write: whole, or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from avnet.errors import AvnetError, ConfigError


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name that takes the place of `path`, flushed to disk, when the block succeeds.

    Raises:
        AvnetError: the system refused.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.is_dir():
            raise AvnetError(path, "cannot be written: it is a folder")
        yield temporary
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except OSError as error:
        raise AvnetError(path, f"cannot be written ({error.strerror})") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """Writes text as UTF-8; what has no UTF-8 (odd bytes of a file's name) becomes a question mark."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content.encode("utf-8", "replace"))


def output_folder(path: Path) -> Path:
    """The folder, made if need be.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(path, f"cannot be made a folder for the results ({error.strerror})") from None
    return path


def check_writable(path: Path, suffix: str) -> None:
    """Refuses a file for results before the work begins.

    Raises:
        ConfigError: it has another suffix, is a folder, or its folder is missing.
    """
    if path.suffix.lower() != suffix:
        raise ConfigError(path, f"wants a name that ends in {suffix}")
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(path, "is a folder" if path.is_dir() else "lies in a folder that does not exist")
