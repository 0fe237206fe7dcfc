"""Small segments become large ones, and what no table names is deleted.

Every save leaves a segment or two, so an archive that is kept up to date gathers small ones, each a file to open and
to search by itself. Compaction copies the rows that still count into new segments and names these instead, in one
transaction. The old files stay until nobody reads them (`avnet.index.upkeep.readers`).
"""

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.errors import IndexFolderError
from avnet.index.catalogue import Catalogue
from avnet.index.segment import KINDS, Kind, Precision, map_segment, write_segment
from avnet.index.upkeep.readers import generations, has_readers, offer, readers_file

# A segment is small when fewer of its rows count, or fewer than half of them.
SMALL_ROWS = 4096
# So many small ones of a kind may stay; more are put together.
FEW = 16
# A new segment has at most so many rows, which bounds the memory that writing it takes.
MOST_ROWS = 1 << 16
_SEGMENT = re.compile(r"segment-(\d{8})\.npy")
# Of files that avnet writes into an index; other files of the user are left alone.
_LEFT_BY_A_KILL = re.compile(
    r"\.(segment-\d{8}\.npy|index\.sqlite|artifact\.json|rejected\.jsonl)\.[0-9a-f]{16}\.tmp(-journal)?"
)
_RETIRED = "CREATE TABLE IF NOT EXISTS retired (segment INTEGER PRIMARY KEY, generation INTEGER NOT NULL)"


@dataclass(frozen=True)
class Compaction:
    """What became of the segments.

    Attributes:
        before: how many there were.
        after: how many there are.
        rows: that were dropped since they no longer counted.
    """

    before: int
    after: int
    rows: int


@dataclass(frozen=True)
class _Segment:
    id: int
    kind: Kind
    rows: int
    crc32: int
    live: int

    @property
    def small(self) -> bool:
        return self.live < SMALL_ROWS or 2 * self.live < self.rows


def compact(folder: Path, tables: Catalogue, size: int, precision: Precision, few: int = FEW) -> Compaction:
    """Puts small segments together; those that a side index covers stay as they are.

    Args:
        folder: of the index, in which nobody else writes.
        tables: of the index.
        size: length of a vector.
        precision: of the vectors.
        few: so many small segments of a kind are left alone.

    Raises:
        IndexFolderError: the folder cannot be written, or a segment is missing or damaged.
    """
    with tables.transaction():
        segments = _segments(tables)
        covered = max((facts.last_segment for facts in tables.sides()), default=0)
        old: list[_Segment] = []
        added = 0
        for kind in KINDS:
            small = [part for part in segments if part.kind == kind and part.small and part.id > covered]
            if len(small) > few and not (len(small) == 1 and small[0].live == small[0].rows):
                added += _join(folder, tables, small, size, precision)
                old += small
        newest = max((part.id for part in segments), default=0)
        # A number never comes again: what a reader has mapped under it must be what the tables mean. So the last stays.
        empty = [part for part in segments if not part.live and part.id > covered and part not in old]
        old += [part for part in empty if added or part.id != newest]
        if old:
            generation = tables.generation()
            tables.change(_RETIRED)
            for part in old:
                tables.change("DELETE FROM entries WHERE segment = ?", part.id)
                tables.change("DELETE FROM segments WHERE id = ?", part.id)
                tables.change("INSERT INTO retired VALUES (?, ?)", part.id, generation)
            offer(folder, generation + 1)
            tables.set_generation(generation + 1)
    dropped = sum(part.rows - part.live for part in old)
    return Compaction(len(segments), len(segments) - len(old) + added, dropped)


def sweep(folder: Path, tables: Catalogue) -> None:
    """Deletes segments that nobody reads any more, and what killed processes left.

    Args:
        folder: of the index, in which nobody else writes.
        tables: of the index.

    Raises:
        IndexFolderError: the folder cannot be read or written.
    """
    try:
        # Within a transaction, so that no other program is between a segment and the tables that name it.
        with tables.transaction():
            tables.change(_RETIRED)
            generation = tables.generation()
            names = {id for (id,) in tables.query("SELECT id FROM segments")}
            retired = dict(tables.query("SELECT segment, generation FROM retired"))
            read = {other: has_readers(folder, other) for other in set(retired.values())}
            for file in list(folder.iterdir()):
                match = _SEGMENT.fullmatch(file.name)
                number = int(match[1]) if match else None
                unnamed = number is not None and number not in names and not read.get(retired.get(number))
                if unnamed or _LEFT_BY_A_KILL.fullmatch(file.name):
                    with contextlib.suppress(FileNotFoundError):
                        file.unlink()
            for number in retired:
                if not read[retired[number]]:
                    tables.change("DELETE FROM retired WHERE segment = ?", number)
            for other in generations(folder):
                if other < generation and not has_readers(folder, other):
                    readers_file(folder, other).unlink()
            offer(folder, generation)
    except OSError as error:
        raise IndexFolderError(folder, f"cannot be written ({error.strerror})") from None


def _segments(tables: Catalogue) -> list[_Segment]:
    rows = tables.query(
        "SELECT id, kind, rows, crc32, (SELECT COUNT(*) FROM entries WHERE segment = id) FROM segments ORDER BY id"
    )
    return [_Segment(*row) for row in rows]


def _join(folder: Path, tables: Catalogue, parts: list[_Segment], size: int, precision: Precision) -> int:
    """Writes the rows that count into new segments within a transaction, and says how many these are."""
    count, vectors, places, waiting = 0, [], [], 0

    def write() -> None:
        nonlocal count, vectors, places, waiting
        if not waiting:
            return
        id = tables.next_segment()
        whole = np.concatenate(vectors)
        crc32 = write_segment(folder, id, whole, precision)
        tables.change("INSERT INTO segments VALUES (?, ?, ?, ?)", id, parts[0].kind, len(whole), crc32)
        tables.change_many(
            "INSERT INTO entries VALUES (?, ?, ?, ?)", ((id, row, *place) for row, place in enumerate(places))
        )
        count, vectors, places, waiting = count + 1, [], [], 0

    for part in parts:
        if waiting + part.live > MOST_ROWS:
            write()
        entries = tables.query("SELECT row, file, time_s FROM entries WHERE segment = ? ORDER BY row", part.id)
        mapping = map_segment(folder, part.id, (part.rows, size), part.crc32, precision)
        rows = [row for row, _, _ in entries]
        if rows and rows[-1] >= part.rows:
            raise IndexFolderError(folder, "is damaged (its tables name rows that a segment does not have)")
        vectors.append(mapping[rows])
        places += [(file, time_s) for _, file, time_s in entries]
        waiting += len(rows)
    write()
    return count
