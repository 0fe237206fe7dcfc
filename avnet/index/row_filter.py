"""Which rows of an index are searched: those of some files, of some times, of some dates."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase

import numpy as np

from avnet.errors import OptionError
from avnet.index.nearest import Shelf
from avnet.index.row_tables import RowTables
from avnet.index.rows.metadata import Metadata


@dataclass(frozen=True)
class RowFilter:
    """What a row must be to be found.

    Attributes:
        source: what the path of its file must contain, whether in capitals or not; or a pattern with `*`, `?` and
            `[...]` for the whole path or the name of the file. Empty for any file.
        after_s: its time is not before that, seconds; None for any.
        before_s: its time is not after that, seconds; None for any.
        without: ids or keys of entries that are not to be found.
        after: its file was last changed then or later, as seen when it was indexed; None for any, known or not.
        before: its file was last changed before that; None for any.
        metadata: its file is one of those; None for any.

    Example:
        >>> from avnet.index.row_filter import RowFilter
        >>> RowFilter("holiday*.mp4").takes("/films/Holiday 2.MP4")
        True
    """

    source: str = ""
    after_s: float | None = None
    before_s: float | None = None
    without: frozenset[str] = frozenset()
    after: datetime | None = None
    before: datetime | None = None
    metadata: Metadata | None = None

    def __post_init__(self):
        for name in ("after_s", "before_s"):
            if (value := getattr(self, name)) is not None and not math.isfinite(value):
                raise OptionError(name, f"must be a time in seconds, got {value:g}")
        if self.after_s is not None and self.before_s is not None and self.after_s > self.before_s:
            raise OptionError("after_s", f"must not be later than {self.before_s:g} s, got {self.after_s:g}")
        if self.after is not None and self.before is not None and self.after.timestamp() >= self.before.timestamp():
            raise OptionError("after", f"must be earlier than {self.before.isoformat()}, got {self.after.isoformat()}")

    @property
    def narrows(self) -> bool:
        """Whether it leaves out more than single entries."""
        return self.names_files or self.after_s is not None or self.before_s is not None

    @property
    def names_files(self) -> bool:
        """Whether it leaves out whole files."""
        return bool(self.source) or any(limit is not None for limit in (self.after, self.before, self.metadata))

    def takes(self, path: str, changed: float | None = None) -> bool:
        """Whether rows of a file may be found.

        Args:
            path: of the file.
            changed: when it was last changed, seconds since 1970; None where that is not known.
        """
        if self.metadata is not None and not self.metadata.takes(path):
            return False
        if (self.after is not None or self.before is not None) and changed is None:
            return False
        if self.after is not None and changed is not None and changed < self.after.timestamp():
            return False
        if self.before is not None and changed is not None and changed >= self.before.timestamp():
            return False
        path, source = path.casefold(), self.source.casefold()
        return source in path or fnmatchcase(path, source) or fnmatchcase(path.rpartition("/")[2], source)

    def shelves(self, shelves: Sequence[Shelf], rows: RowTables) -> list[Shelf]:
        """Shelves on which only the rows that it takes count; `rows` are those of their index."""
        takes = np.zeros(0, bool)
        if self.names_files:
            dates = {} if self.after is None and self.before is None else rows.dates()
            numbers = [number for number, path in rows.paths().items() if self.takes(path, dates.get(number))]
            takes = np.zeros(1 + max(numbers, default=0), bool)
            takes[numbers] = True
        left_out = _by_segment(rows.place(id) for id in self.without)
        return [self._shelf(shelf, takes, left_out.get(shelf.segment.id, []), rows) for shelf in shelves]

    def _shelf(self, shelf: Shelf, takes: np.ndarray, left_out: list[int], rows: RowTables) -> Shelf:
        if not self.narrows and not left_out:
            return shelf
        counts = np.ones(len(shelf.files), bool)
        if self.names_files:
            # Numbers beyond the last that is taken are not.
            counts = np.append(takes, False)[np.minimum(shelf.files, len(takes))]
        if self.after_s is not None:
            counts &= rows.times(shelf.segment) >= self.after_s
        if self.before_s is not None:
            counts &= rows.times(shelf.segment) <= self.before_s
        counts[[row for row in left_out if row < len(counts)]] = False
        return replace(shelf, files=np.where(counts, shelf.files, 0))


def _by_segment(places: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = {}
    for segment, row in places:
        rows.setdefault(segment, []).append(row)
    return rows
