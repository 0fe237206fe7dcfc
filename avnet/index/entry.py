"""Where the vectors of an index come from."""

import re
from dataclasses import dataclass

from avnet.errors import OptionError
from avnet.index.segment import Kind

_ID = re.compile(r"(\d{1,9})-(\d{1,9})")


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
    """

    file: str
    stamp: str


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
