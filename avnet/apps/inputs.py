"""What the commands are pointed at: media files, and folders that are searched for them."""

import re
from collections.abc import Iterable
from pathlib import Path

from avnet.errors import AvnetError, DataError, MediaError, NotMedia
from avnet.media.container import check_regular_file
from avnet.media.suffixes import PICTURES, SOUNDS, VIDEOS

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
# Path() folds the two slashes of an address into one.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")


def find_media(paths: Iterable[Path]) -> list[Path]:
    """Lists media files.

    Args:
        paths: files, taken as they are, and folders, searched by the usual suffixes.

    Returns:
        Files without repetition, those of a folder in order of name; nothing is opened.

    Raises:
        DataError: a folder holds no media file.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            suffixes = PICTURES | SOUNDS | VIDEOS
            inside = [f for f in path.rglob("*") if f.suffix.lower() in suffixes and not f.name.startswith(".")]
            files = sorted(f for f in inside if not f.is_dir())
            if not files:
                raise DataError(path, "holds no picture, sound or video file")
            found.update(dict.fromkeys(files))
        else:
            found[path] = None
    return list(found)


def is_picture(path: Path) -> bool:
    """Whether a file begins as a jpg or png picture does.

    Raises:
        NotMedia: it is missing, empty, an address, a folder or no regular file.
        MediaError: it cannot be read.
    """
    if not path.exists() and (address := _ADDRESS.match(str(path))):
        rest = str(path)[address.end() :]
        raise NotMedia(f"{address[1]}://{rest}", "is an address, not a file; download it first")
    try:
        with check_regular_file(path).open("rb") as file:
            return file.read(8).startswith(_SIGNATURES)
    except OSError as error:
        raise MediaError(path, f"cannot be read ({error.strerror})") from None


def refuse_all(refusals: list[AvnetError], total: int) -> None:
    """Refuses with the first reason when none of the inputs could be used.

    Raises:
        DataError: as many were refused as there are.
    """
    if refusals and len(refusals) == total:
        first = refusals[0]
        more = f" (none of {total} inputs could be used)" if total > 1 else ""
        raise DataError(first.subject, f"{first.reason}{more}")
