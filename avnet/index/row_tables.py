"""What the tables of an index say of its rows, read once for each state of the tables."""

import numpy as np

from avnet.index.catalogue import Catalogue
from avnet.index.segment import Segment


class RowTables:
    """Files and times of rows; changes of the tables, by whatever process, are noticed."""

    def __init__(self, tables: Catalogue):
        self._tables = tables
        self._state = tables.state()
        self._files: dict[int, np.ndarray] = {}
        self._times: dict[int, np.ndarray] = {}
        self._paths: dict[int, str] | None = None

    def files(self, segment: Segment) -> np.ndarray:
        """int32 [rows], number of the file that each row comes from, from 1; 0 where it does not count."""
        self._forget_old()
        if segment.id not in self._files:
            self._files[segment.id] = self._tables.files(segment.id, segment.rows)
        return self._files[segment.id]

    def times(self, segment: Segment) -> np.ndarray:
        """float64 [rows], seconds; 0 where a row does not count."""
        self._forget_old()
        if segment.id not in self._times:
            self._times[segment.id] = self._tables.times(segment.id, segment.rows)
        return self._times[segment.id]

    def paths(self) -> dict[int, str]:
        """The paths of all files by their numbers."""
        self._forget_old()
        if self._paths is None:
            self._paths = self._tables.paths()
        return self._paths

    def _forget_old(self) -> None:
        if (state := self._tables.state()) != self._state:
            self._files, self._times, self._paths, self._state = {}, {}, None, state
