"""The segments that an open index searches: those that the tables name at one moment."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from avnet.index.catalogue import Catalogue
from avnet.index.segment import Precision, Segment, map_segment, segment_file
from avnet.index.upkeep.readers import ReaderLock

# Segments that stay mapped, each an open file; a process may have 1,024.
MAX_MAPPINGS = 256
Method = TypeVar("Method", bound=Callable[..., Any])


class Mappings:
    """Follows the tables of an index.

    Attributes:
        segments: in the order of their numbers.
        folder: of the index.
        size: length of a vector.
        precision: of the vectors.
    """

    def __init__(self, folder: Path, size: int, precision: Precision):
        self.segments: list[Segment] = []
        self.folder, self.size = folder, size
        self.precision: Precision = precision
        self._lock = ReaderLock(folder)
        self._state: tuple[int, int] | None = None

    def follow(self, tables: Catalogue) -> None:
        """Maps what the tables name now; what is mapped already is not read again.

        Raises:
            IndexFolderError: a segment is missing or damaged.
        """
        with tables.reading():
            if (state := tables.state()) == self._state:
                return
            if (generation := tables.generation()) != self._lock.generation:
                self._lock.move(generation)
            rows = tables.segments(after=0)
            # Without the tables, which a writer may be waiting for: the lock keeps the files.
        known = {segment.id: segment for segment in self.segments}
        segments: list[Segment] = []
        first = 0
        for id, kind, count, crc32 in rows:
            if id in known and known[id].first == first:
                segments.append(known[id])
            else:
                # Another place for the same rows where a segment before them has gone: their file is as it was.
                mapping = known[id].mapping if id in known else self._map(id, count, crc32)
                mapping = mapping if len(segments) < MAX_MAPPINGS else None
                segments.append(Segment(id, kind, segment_file(self.folder, id), first, count, mapping))
            first += count
        self.segments, self._state = segments, state

    def release(self) -> None:
        """Lets go of the files."""
        self.segments, self._state = [], None
        self._lock.release()

    def _map(self, id: int, rows: int, crc32: int) -> np.ndarray:
        return map_segment(self.folder, id, (rows, self.size), crc32, self.precision)


def of_one_state(method: Method) -> Method:
    """Lets a method of an index see one state of it, the newest; what others save meanwhile is for its next call."""

    @functools.wraps(method)
    def follow(index: Any, *args: Any, **options: Any) -> Any:
        with index._tables.reading():
            index._mappings.follow(index._tables)
            return method(index, *args, **options)

    return cast(Method, follow)
