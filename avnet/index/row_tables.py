"""What the tables of an index say of its rows, read once for each state of the tables."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from avnet.errors import OptionError
from avnet.index.engines.tables import Tables
from avnet.index.entry import file_digest, parts_of_key, place_of
from avnet.index.segment import Kind, Segment

Value = TypeVar("Value")
# As `avnet index` notes when a file was last changed.
_CHANGED = re.compile(r"\bchanged (\d{1,20})\b")


class RowTables:
    """Files and times of rows; changes of the tables, by whatever process, are noticed."""

    def __init__(self, tables: Tables):
        self._tables = tables
        self._state = tables.state()
        self._cache: dict[Any, Any] = {}

    def files(self, segment: Segment) -> np.ndarray:
        """int32 [rows], number of the file that each row comes from, from 1; 0 where it does not count."""
        return self._once(("files", segment.id), lambda: self._tables.files(segment.id, segment.rows))

    def times(self, segment: Segment) -> np.ndarray:
        """float64 [rows], seconds; 0 where a row does not count."""
        return self._once(("times", segment.id), lambda: self._tables.times(segment.id, segment.rows))

    def paths(self) -> dict[int, str]:
        """The paths of all files by their numbers."""
        return self._once("paths", self._tables.paths)

    def dates(self) -> dict[int, float]:
        """When files were last changed, by their numbers, seconds since 1970; those of which it is known."""
        return self._once("dates", lambda: dates_of(self._tables.stamps()))

    def place(self, id: str) -> tuple[int, int]:
        """Segment and row of an entry.

        Args:
            id: of it, or its key.

        Raises:
            OptionError: it is neither, or no row has the key.
        """
        if (parts := parts_of_key(id)) is None:
            return place_of(id)
        digest, time_s, kind = parts
        path = self._once("digests", lambda: {file_digest(path): path for path in self.paths().values()}).get(digest)
        for segment, row, at, of_kind in self.moments(path) if path is not None else []:
            if at == time_s and of_kind == kind:
                return segment, row
        raise OptionError("entry", f"is not in the index: {id}")

    def moments(self, path: str) -> list[tuple[int, int, float, Kind]]:
        """Segment, row, time in seconds and kind of all rows of a file, in the order of adding."""
        return self._tables.moments(path)

    def _once(self, name: Any, read: Callable[[], Value]) -> Value:
        if (state := self._tables.state()) != self._state:
            self._cache, self._state = {}, state
        if name not in self._cache:
            self._cache[name] = read()
        return self._cache[name]


def dates_of(stamps: dict[int, str]) -> dict[int, float]:
    """What the states of files say of when they were changed, seconds since 1970; those that say it."""
    matches = {number: _CHANGED.search(stamp) for number, stamp in stamps.items()}
    return {number: int(match[1]) / 1e9 for number, match in matches.items() if match is not None}
