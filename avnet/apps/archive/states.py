"""The state of a file on disk: size and times first, and a hash of its content where these do not tell."""

import hashlib
import os
import time
from pathlib import Path

from avnet.apps.archive.moments import EmbedOptions
from avnet.errors import Damaged, NotMedia
from avnet.index.entry import Source
from avnet.index.upkeep.contents import Content, FileState
from avnet.media.container import check_regular_file

# No disk notes times less finely: FAT counts in steps of two seconds.
SETTLED_S = 2.0


def moments_of(options: EmbedOptions) -> str:
    """Which moments of a file the options choose, in words."""
    moments = f"every {options.every:g} s"
    if options.audio_track is not None:
        moments += f", audio track {options.audio_track}"
    return moments


def check_name(file: Path) -> None:
    """Refuses a name that the tables of an index cannot hold.

    Raises:
        NotMedia: it is not UTF-8.
    """
    try:
        # SQLite stores text as UTF-8 and nothing else.
        str(file).encode()
    except UnicodeEncodeError:
        raise NotMedia(file, "has a name that is not UTF-8; rename it") from None


def stamp_of(state: os.stat_result, moments: str) -> str:
    """What the index notes of a state; it stays the same for a file that nobody has touched."""
    return f"{state.st_size} bytes, changed {state.st_mtime_ns}, {moments}"


def stamp_now(file: Path, moments: str) -> str:
    """The state of a file, or nothing where it cannot be looked at; reading it will say why."""
    try:
        return stamp_of(file.stat(), moments)
    except OSError:
        return ""


def is_same(state: os.stat_result, noted: FileState, moments: str) -> bool:
    """Whether a file is as it was noted, by size and times alone; False where only the hash can tell.

    Times are compared for equality and never for order, so a clock that went backwards hides nothing.
    """
    content = noted.content
    return (
        content is not None
        and content.settled
        and content.changed_ns == state.st_ctime_ns
        and noted.stamp == stamp_of(state, moments)
    )


def source_of(file: Path, moments: str) -> Source:
    """A file with its content, which is read once.

    Raises:
        MediaError: it cannot be read, or has a name that the index cannot hold.
    """
    check_name(file)
    check_regular_file(file)
    try:
        begin_s = time.time()
        state = file.stat()
        with file.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise Damaged(file, f"cannot be read ({error.strerror})") from None
    # With the clock behind the file's times nothing is settled either.
    settled = max(state.st_mtime_ns, state.st_ctime_ns) < (begin_s - SETTLED_S) * 1e9
    content = Content(sha256, state.st_size, state.st_ctime_ns, moments, settled)
    return Source(str(file), stamp_of(state, moments), content)


def is_unchanged(source: Source) -> bool:
    """Whether a file is still as its source says, by size and times."""
    try:
        state = os.stat(source.file)
    except OSError:
        return False
    content = source.content
    assert content is not None
    return source.stamp == stamp_of(state, content.moments) and content.changed_ns == state.st_ctime_ns
