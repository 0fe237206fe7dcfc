"""JSON and other files that somebody else may have written."""

import errno
import json
from pathlib import Path
from typing import Any

# More are no count of anything, and overflow where they become float.
DIGITS = 18


def read_json(path: str | Path) -> Any:
    """Reads a JSON file.

    Args:
        path: a regular file; a pipe would be waited for.

    Returns:
        What it holds, as plain values.

    Raises:
        OSError: it is missing, not a regular file, or cannot be read.
        ValueError: it is not JSON in UTF-8, nested too deep, or has a whole number beyond 18 digits.
    """
    return parse_json(read_regular(path))


def parse_json(content: bytes) -> Any:
    """Plain values of JSON.

    Raises:
        ValueError: as in `read_json`.
    """
    try:
        return json.loads(content, parse_int=_whole)
    except RecursionError:
        raise ValueError("nested too deep") from None


def read_regular(path: str | Path, largest: int | None = None) -> bytes:
    """What a regular file holds.

    Args:
        path: the file; a pipe is refused, since it would be waited for.
        largest: bytes that it may have.

    Raises:
        OSError: it is missing, not a regular file, or cannot be read.
        ValueError: it is larger.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if largest is not None and (size := path.stat().st_size) > largest:
        raise ValueError(f"{size:,} bytes are more than {largest:,}")
    return path.read_bytes()


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)
