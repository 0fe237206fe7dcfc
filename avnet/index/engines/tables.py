"""What an engine knows of rows; with segments of vectors it is all that a search, a filter or an export asks for."""

from typing import Protocol, runtime_checkable

import numpy as np

from avnet.index.catalogue import SideFacts
from avnet.index.segment import Kind


@runtime_checkable
class Tables(Protocol):
    """Which rows there are, and from which file and time each comes.

    `Catalogue` is one, over SQLite; `LanceTables` another. Rows are numbered within their segment from 0.
    """

    def state(self) -> tuple[int, int]:
        """Another one whenever anything was changed."""
        ...

    def entry(self, segment: int, row: int) -> tuple[str, float] | None:
        """File and time of a row; None when there is none any more."""
        ...

    def files(self, segment: int, rows: int) -> np.ndarray:
        """int32 [rows], number of the file of each row of a segment, from 1; 0 where it does not count."""
        ...

    def times(self, segment: int, rows: int) -> np.ndarray:
        """float64 [rows], seconds; 0 where a row does not count."""
        ...

    def paths(self) -> dict[int, str]:
        """The paths of files by their numbers."""
        ...

    def stamps(self) -> dict[int, str]:
        """The noted states of files by their numbers."""
        ...

    def moments(self, path: str) -> list[tuple[int, int, float, Kind]]:
        """Segment, row, time and kind of all rows of a file, in the order of adding."""
        ...

    def counts(self) -> dict[Kind, int]:
        """Rows of each kind."""
        ...

    def file_count(self) -> int:
        """Files with at least one row."""
        ...

    def sides(self) -> list[SideFacts]:
        """Of the side indexes of avnet's own; an engine that has its own ones gives none."""
        ...

    def close(self) -> None:
        """Lets go of what is open."""
        ...
