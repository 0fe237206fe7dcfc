"""A file of an archive, on a disk or in a store of objects, and the state that it is in.

A state is told by size and times, or by what the store calls a version, and by a hash of the content where these do
not tell.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, runtime_checkable

from avnet.apps.archive.moments import EmbedOptions
from avnet.apps.inputs import find_media, media_among, no_media_in
from avnet.errors import Damaged, DataError, MediaError, NotMedia
from avnet.files.storage import is_address, list_store, local_copy, look_up, stamp
from avnet.index.entry import Source
from avnet.index.upkeep.contents import Content, FileState
from avnet.media.container import check_regular_file

# No disk notes times less finely: FAT counts in steps of two seconds.
SETTLED_S = 2.0


@dataclass(frozen=True)
class State:
    """What tells one state of a file from another.

    Attributes:
        stamp: in words; it stays the same for a file that nobody has touched.
        bytes: its size.
        changed_ns: when the system last changed anything of it; 0 where a store's version tells all.
        settled: whether its times were well past when it was looked at, so that every later change shows.
    """

    stamp: str
    bytes: int
    changed_ns: int = 0
    settled: bool = True


@runtime_checkable
class ArchiveFile(Protocol):
    """A file by the name under which an index knows it."""

    @property
    def name(self) -> str:
        """Its path, or its address."""
        ...

    def state(self) -> State:
        """As it is now.

        Raises:
            OSError: it cannot be looked at; FileNotFoundError or NotADirectoryError: it is gone.
            DataError: a store does not answer.
        """
        ...

    def local(self) -> AbstractContextManager[Path]:
        """A path under which it can be read meanwhile.

        Raises:
            MediaError: it is no file that could be media.
            DataError: a store does not answer.
        """
        ...


@dataclass(frozen=True)
class DiskFile:
    """A file on a disk."""

    path: Path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def state(self) -> State:
        """Its size and times."""
        begin_s = time.time()
        status = self.path.stat()
        # With the clock behind the file's times nothing is settled either.
        settled = max(status.st_mtime_ns, status.st_ctime_ns) < (begin_s - SETTLED_S) * 1e9
        words = f"{status.st_size} bytes, changed {status.st_mtime_ns}"
        return State(words, status.st_size, status.st_ctime_ns, settled)

    @contextmanager
    def local(self) -> Iterator[Path]:
        """The file itself."""
        yield check_regular_file(self.path)


@dataclass(frozen=True)
class StoredFile:
    """An object in a store.

    Attributes:
        address: of it.
        listed: what the store's listing told of it, if it was listed.
    """

    address: str
    listed: dict[str, Any] | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """Its address."""
        return self.address

    def state(self) -> State:
        """Its size and what the store calls its version, from the listing where there is one."""
        facts = look_up(self.address) if self.listed is None else self.listed
        if facts.get("type", "file") != "file":
            raise FileNotFoundError(self.address)
        return State(f"version {stamp(self.address, facts)}", int(facts.get("size") or 0))

    @contextmanager
    def local(self) -> Iterator[Path]:
        """A temporary copy."""
        with local_copy(self.address) as path:
            yield check_regular_file(path)


def find_files(inputs: Iterable[str | Path]) -> tuple[list[ArchiveFile], list[NotMedia]]:
    """The media files that are named, or lie in what is named, and what lies there and is not read.

    Args:
        inputs: files and folders, and addresses of objects or of all that lies below them.

    Raises:
        DataError: a folder or an address holds no media file, or a store does not answer.
    """
    inputs = list(inputs)
    found = find_media(place for place in inputs if not is_address(place))
    files: dict[str, ArchiveFile] = {str(path): DiskFile(path) for path in found.files}
    left_out = list(found.left_out)
    for address in (str(place) for place in inputs if is_address(place)):
        objects = list_store(address)
        if "" in objects:
            files[address] = StoredFile(address, objects[""])
            continue
        media, reasons = media_among([PurePosixPath(name) for name in objects])
        if not media:
            raise no_media_in(address, reasons)
        top = address.rstrip("/")
        for name, facts in objects.items():
            if PurePosixPath(name) in media:
                files.setdefault(f"{top}/{name}", StoredFile(f"{top}/{name}", facts))
        left_out += [NotMedia(f"{top}/{name}", reason) for name, reason in reasons]
    return list(files.values()), [error for error in left_out if str(error.subject) not in files]


def archive_file(name: str) -> ArchiveFile:
    """The file that an index knows by a name."""
    return StoredFile(name) if is_address(name) else DiskFile(Path(name))


@contextmanager
def reading(file: ArchiveFile) -> Iterator[tuple[Path, State]]:
    """A path under which a file can be read meanwhile, and its state before; a refusal meanwhile is one of the file.

    Raises:
        MediaError: it cannot be read.
        DataError: a store does not answer.
    """
    try:
        state = _state(file)
        with file.local() as path:
            if state is None:
                raise Damaged(file.name, "cannot be read")
            yield path, state
    except MediaError as error:
        raise type(error)(file.name, error.reason) from None


def _state(file: ArchiveFile) -> State | None:
    try:
        return file.state()
    except OSError:
        return None


def moments_of(options: EmbedOptions) -> str:
    """Which moments of a file the options choose, in words."""
    moments = f"every {options.every:g} s"
    if options.audio_track is not None:
        moments += f", audio track {options.audio_track}"
    return moments


def check_name(name: str) -> None:
    """Refuses a name that the tables of an index cannot hold.

    Raises:
        NotMedia: it is not UTF-8.
    """
    try:
        # SQLite stores text as UTF-8 and nothing else.
        name.encode()
    except UnicodeEncodeError:
        raise NotMedia(name, "has a name that is not UTF-8; rename it") from None


def stamp_of(state: State, moments: str) -> str:
    """What an index notes of a state."""
    return f"{state.stamp}, {moments}"


def stamp_now(file: ArchiveFile, moments: str) -> str:
    """The state of a file, or nothing where it cannot be looked at; reading it will say why."""
    state = _state(file)
    return "" if state is None else stamp_of(state, moments)


def is_same(state: State, noted: FileState, moments: str) -> bool:
    """Whether a file is as it was noted, by its state alone; False where only the hash can tell.

    Times are compared for equality and never for order, so a clock that went backwards hides nothing.
    """
    content = noted.content
    return (
        content is not None
        and content.settled
        and content.changed_ns == state.changed_ns
        and noted.stamp == stamp_of(state, moments)
    )


def is_gone(file: ArchiveFile) -> bool:
    """Whether nothing lies there; what cannot be looked at may still be there."""
    try:
        file.state()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, DataError):
        return False
    return False


def source_of(file: ArchiveFile, path: Path, state: State, moments: str) -> Source:
    """A file with its content, which is read once.

    Args:
        file: of the archive.
        path: under which it can be read, from `reading`.
        state: of before, from there too.
        moments: which of its moments are embedded, in words.

    Raises:
        MediaError: it cannot be read, or has a name that the index cannot hold.
    """
    check_name(file.name)
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise Damaged(file.name, f"cannot be read ({error.strerror})") from None
    content = Content(sha256, state.bytes, state.changed_ns, moments, state.settled)
    return Source(file.name, stamp_of(state, moments), content)


def is_unchanged(source: Source) -> bool:
    """Whether a file is still as its source says, by its state."""
    state, content = _state(archive_file(source.file)), source.content
    assert content is not None
    return (
        state is not None
        and source.stamp == stamp_of(state, content.moments)
        and content.changed_ns == state.changed_ns
    )
