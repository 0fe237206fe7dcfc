"""Where the vectors of an index come from."""

import hashlib
import re
from dataclasses import dataclass

from avnet.errors import OptionError
from avnet.index.segment import Kind
from avnet.index.upkeep.contents import Content

_ID = re.compile(r"(\d{1,9})-(\d{1,9})")
_KEY = re.compile(r"([0-9a-f]{16})-(-?[0-9.]{1,20}(?:e[+-]?[0-9]{1,3})?)-(image|sound)")


@dataclass(frozen=True)
class Entry:
    """Where a vector comes from.

    Attributes:
        file: path of the source.
        time_s: of the frame, or of the middle of the clip, on the container's clock.
        kind: what was embedded.
    """

    file: str
    time_s: float
    kind: Kind

    @property
    def key(self) -> str:
        """What names it in every index of its file, whenever and in which order that is made: 5f0c...-12.5-image."""
        return f"{file_digest(self.file)}-{float(self.time_s)!r}-{self.kind}"


@dataclass(frozen=True)
class Hit(Entry):
    """A vector that was found.

    Attributes:
        score: cosine with the query, in [-1, 1].
        id: of the entry, which stays the same until its file is indexed again.
    """

    score: float
    id: str


@dataclass(frozen=True)
class Source:
    """A file all of whose rows are added at once.

    Attributes:
        file: its path.
        stamp: whatever tells one state of it from another (size, time of change, how it was sampled).
        content: by which it is known again under another name; None where that is not asked for.
    """

    file: str
    stamp: str
    content: Content | None = None


def entry_id(segment: int, row: int) -> str:
    """The id of the entry in a row of a segment, as 3-17."""
    return f"{segment}-{row}"


def place_of(id: str) -> tuple[int, int]:
    """Segment and row of the entry with an id.

    Raises:
        OptionError: it is no id.
    """
    match = _ID.fullmatch(id)
    if match is None:
        raise OptionError("entry", f"must be the id of an entry, as 3-17, got {id[:40]!r}")
    return int(match[1]), int(match[2])


def file_digest(path: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a path."""
    # A path may hold bytes that are no UTF-8, which Python keeps as surrogates.
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def parts_of_key(key: str) -> tuple[str, float, Kind] | None:
    """The digest of the file, the time and the kind that `Entry.key` is made of; None of what is no key."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    try:
        return match[1], float(match[2]), "image" if match[3] == "image" else "sound"
    except ValueError:  # as 1.2.3
        return None


def is_id(text: str) -> bool:
    """Whether a text is an id of an entry or its key."""
    return _ID.fullmatch(text) is not None or parts_of_key(text) is not None


def check_id(id: str) -> None:
    """Refuses what is neither an id nor a key.

    Raises:
        OptionError: it is not.
    """
    if parts_of_key(id) is None:
        place_of(id)
