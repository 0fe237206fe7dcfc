"""Which rows of an index are searched: those of some files, of some times."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np

from avnet.errors import OptionError
from avnet.index.entry import place_of
from avnet.index.nearest import Shelf
from avnet.index.row_tables import RowTables


@dataclass(frozen=True)
class RowFilter:
    """What a row must be to be found.

    Attributes:
        source: what the path of its file must contain, whether in capitals or not; or a pattern with `*`, `?` and
            `[...]` for the whole path or the name of the file. Empty for any file.
        after_s: its time is not before that, seconds; None for any.
        before_s: its time is not after that, seconds; None for any.
        without: ids of entries that are not to be found.

    Example:
        >>> from avnet.index.row_filter import RowFilter
        >>> RowFilter("holiday*.mp4").takes("/films/Holiday 2.MP4")
        True
    """

    source: str = ""
    after_s: float | None = None
    before_s: float | None = None
    without: frozenset[str] = frozenset()

    def __post_init__(self):
        for name in ("after_s", "before_s"):
            if (value := getattr(self, name)) is not None and not math.isfinite(value):
                raise OptionError(name, f"must be a time in seconds, got {value:g}")
        if self.after_s is not None and self.before_s is not None and self.after_s > self.before_s:
            raise OptionError("after_s", f"must not be later than {self.before_s:g} s, got {self.after_s:g}")

    @property
    def narrows(self) -> bool:
        """Whether it leaves out more than single entries."""
        return bool(self.source) or self.after_s is not None or self.before_s is not None

    def takes(self, path: str) -> bool:
        """Whether rows of a file may be found."""
        path, source = path.casefold(), self.source.casefold()
        return source in path or fnmatchcase(path, source) or fnmatchcase(path.rpartition("/")[2], source)

    def shelves(self, shelves: Sequence[Shelf], rows: RowTables) -> list[Shelf]:
        """Shelves on which only the rows that it takes count; `rows` are those of their index."""
        takes = np.zeros(0, bool)
        if self.source:
            numbers = [number for number, path in rows.paths().items() if self.takes(path)]
            takes = np.zeros(1 + max(numbers, default=0), bool)
            takes[numbers] = True
        left_out = _by_segment(self.without)
        return [self._shelf(shelf, takes, left_out.get(shelf.segment.id, []), rows) for shelf in shelves]

    def _shelf(self, shelf: Shelf, takes: np.ndarray, left_out: list[int], rows: RowTables) -> Shelf:
        if not self.narrows and not left_out:
            return shelf
        counts = np.ones(len(shelf.files), bool)
        if self.source:
            # Numbers beyond the last that is taken are not.
            counts = np.append(takes, False)[np.minimum(shelf.files, len(takes))]
        if self.after_s is not None:
            counts &= rows.times(shelf.segment) >= self.after_s
        if self.before_s is not None:
            counts &= rows.times(shelf.segment) <= self.before_s
        counts[[row for row in left_out if row < len(counts)]] = False
        return replace(shelf, files=np.where(counts, shelf.files, 0))


def _by_segment(ids: Iterable[str]) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = {}
    for segment, row in map(place_of, ids):
        rows.setdefault(segment, []).append(row)
    return rows
