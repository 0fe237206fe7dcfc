"""An index in LanceDB, on a disk or in a bucket: exact searches read it in order, others use the index that it built.

What a search does is that of `Index`: a segment here is a run of rows of a table, read a window at a time. So both
engines give the same hits in the same order, to the last bit of their scores. In memory are 20 bytes for each row.
"""

import contextlib
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from avnet.errors import AvnetError, IndexFolderError
from avnet.index.catalogue import SideFacts
from avnet.index.engines.lance_database import HEADER, LanceHeader, connect, refusals, table_names
from avnet.index.engines.tables import Tables
from avnet.index.entry import Entry, Source
from avnet.index.index import Index
from avnet.index.row_tables import RowTables
from avnet.index.segment import KINDS, Kind, Segment
from avnet.index.side_index import SideIndex

# Rows that are read at once, 64 MB of 128 numbers in float32 each.
WINDOW = 1 << 17
# Partitions that a search with LanceDB's index looks into, and how many times more rows it compares exactly.
PROBES, REFINE = 32, 4


class LanceTables:
    """What the tables say of rows, read once; a `Tables`."""

    def __init__(self, address: str, header: LanceHeader, tables: dict[Kind, Any]):
        self._numbers: dict[str, int] = {}
        self._paths: dict[int, str] = {}
        self._changed: dict[int, int] = {}
        self._kinds: dict[int, Kind] = {id: kind for id, kind, _ in header.segments}
        # By segment: row in it, number of file and time of each row that the table has.
        self.rows: dict[int, np.ndarray] = {}
        self._files: dict[int, np.ndarray] = {}
        self._times: dict[int, np.ndarray] = {}
        # By segment: how many rows of the table come before its own.
        self.offsets: dict[int, int] = {}
        lengths = {id: rows for id, _, rows in header.segments}
        for kind, table in tables.items():
            with refusals(address, "cannot be read"):
                self._read(kind, table)
        self._paths = {number: path for path, number in self._numbers.items()}
        for id, rows in self.rows.items():
            bounds = len(rows) and (rows[0] < 0 or rows[-1] >= lengths.get(id, 0) or (np.diff(rows) < 1).any())
            if bounds or not np.isfinite(self._times[id]).all():
                raise IndexFolderError(address, "is damaged (its rows are not what was written)")

    def _read(self, kind: Kind, table: Any) -> None:
        segments, rows, files, times = [], [], [], []
        columns = ["segment", "row", "file", "changed_ns", "time_s"]
        for batch in table.search().select(columns).to_batches(batch_size=WINDOW):
            if not batch.num_rows:
                continue
            paths = batch["file"].dictionary_encode()
            changed = batch["changed_ns"].to_pylist()
            codes = paths.indices.to_numpy()
            first = np.unique(codes, return_index=True)[1].tolist()
            numbers = [self._numbers.setdefault(path, len(self._numbers) + 1) for path in paths.dictionary.to_pylist()]
            for code, place in enumerate(first):
                if changed[place] is not None:
                    self._changed[numbers[code]] = changed[place]
            segments.append(batch["segment"].to_numpy())
            rows.append(batch["row"].to_numpy())
            files.append(np.array(numbers, np.int32)[codes])
            times.append(batch["time_s"].to_numpy())
        if not segments:
            return
        segment = np.concatenate(segments)
        ids, starts = np.unique(segment, return_index=True)
        if (np.diff(segment) < 0).any() or any(self._kinds.get(id) != kind for id in ids.tolist()):
            raise ValueError("its rows are not in order")
        for id, start, end in zip(ids.tolist(), starts.tolist(), [*starts[1:].tolist(), len(segment)], strict=True):
            self.offsets[id] = start
            self.rows[id] = np.concatenate(rows)[start:end]
            self._files[id] = np.concatenate(files)[start:end]
            self._times[id] = np.concatenate(times)[start:end]

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Nothing changes them."""
        yield

    def state(self) -> tuple[int, int]:
        """Always the same: a database is what it was when it was opened."""
        return 0, 0

    def entry(self, segment: int, row: int) -> tuple[str, float] | None:
        """File and time of a row; None where there is none."""
        at = int(np.searchsorted(self.rows.get(segment, ()), row))
        if at >= len(self.rows.get(segment, ())) or self.rows[segment][at] != row:
            return None
        return self.paths()[int(self._files[segment][at])], float(self._times[segment][at])

    def files(self, segment: int, rows: int) -> Int[np.ndarray, " rows"]:
        """int32, number of the file of each row of a segment, from 1; 0 where it has none."""
        return self._spread(self._files, segment, np.zeros(rows, np.int32))

    def times(self, segment: int, rows: int) -> Float[np.ndarray, " rows"]:
        """float64, seconds; 0 where a row does not count."""
        return self._spread(self._times, segment, np.zeros(rows))

    def _spread(self, values: dict[int, np.ndarray], segment: int, whole: np.ndarray) -> np.ndarray:
        if segment in self.rows:
            whole[self.rows[segment]] = values[segment]
        return whole

    def paths(self) -> dict[int, str]:
        """The paths of files by their numbers."""
        return self._paths

    def stamps(self) -> dict[int, str]:
        """When files were changed, by their numbers."""
        return {number: f"changed {changed}" for number, changed in self._changed.items()}

    def moments(self, path: str) -> list[tuple[int, int, float, Kind]]:
        """Segment, row, time and kind of all rows of a file, in the order of adding."""
        number = self._numbers.get(path, -1)
        return [
            (id, int(self.rows[id][at]), float(self._times[id][at]), self._kinds[id])
            for id in sorted(self.rows)
            for at in np.flatnonzero(self._files[id] == number).tolist()
        ]

    def counts(self) -> dict[Kind, int]:
        """Rows of each kind."""
        return {kind: sum(len(rows) for id, rows in self.rows.items() if self._kinds[id] == kind) for kind in KINDS}

    def file_count(self) -> int:
        """Files with at least one row."""
        return len(self._numbers)

    def sides(self) -> list[SideFacts]:
        """None: what LanceDB built is `LanceSide`."""
        return []

    def close(self) -> None:
        """Nothing is held open."""


class LanceVectors:
    """The vectors of a segment; slices and single rows are read as they are asked for, and rows that are gone are 0."""

    def __init__(
        self, address: str, table: Any, rows: np.ndarray, offset: int, shape: tuple[int, int], dtype: np.dtype
    ):
        self.shape, self.dtype = shape, dtype
        self._address, self._table, self._rows, self._offset = address, table, rows, offset
        self._columns = ["vector", "scale"] if "scale" in table.schema.names else ["vector"]
        self._first, self._window = 0, np.empty((0, shape[1]), dtype)

    def fresh(self) -> "LanceVectors":
        """The same, without what was read."""
        other = copy(self)
        other._first, other._window = 0, self._window[:0].copy()
        return other

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, item: Any) -> np.ndarray:
        if isinstance(item, slice):
            start, stop, _ = item.indices(len(self))
            low, high = np.searchsorted(self._rows, [start, stop]).tolist()
            values, places = self._read(low, high), self._rows[low:high] - start
            if len(values) == stop - start:
                return values
            whole = np.zeros((stop - start, self.shape[1]), self.dtype)
            whole[places] = values
            return whole
        rows = np.atleast_1d(np.asarray(item))
        unique, back = np.unique(np.searchsorted(self._rows, rows), return_inverse=True)
        with refusals(self._address, "cannot be read"):
            offsets = (self._offset + unique).tolist()
            vectors = self._of(self._table.take_offsets(offsets).select(self._columns).to_arrow())
        return vectors[back] if np.ndim(item) else vectors[0]

    def _read(self, low: int, high: int) -> np.ndarray:
        if low < self._first or high > self._first + len(self._window):
            count = min(max(WINDOW, high - low), len(self._rows) - low)
            with refusals(self._address, "cannot be read"):
                query = self._table.search().select(self._columns).offset(self._offset + low).limit(count)
                self._first, self._window = low, self._of(query.to_arrow()) if count else self._window[:0]
            if len(self._window) != count:
                raise IndexFolderError(self._address, "was changed while it was read")
        return self._window[low - self._first : high - self._first]

    def _of(self, table: Any) -> np.ndarray:
        columns = table.combine_chunks()
        numbers = columns["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        vectors = numbers.reshape(-1, self.shape[1])
        if "scale" in self._columns:
            return vectors.astype(np.float32) * columns["scale"].to_numpy().astype(np.float32)[:, None]
        return vectors


@dataclass(frozen=True)
class LanceSegment(Segment):
    """A run of rows of a table.

    Attributes:
        source: its vectors.
    """

    source: LanceVectors | None = None

    def vectors(self) -> Any:
        """As of a file; what is read for one search is not held for the next."""
        assert self.source is not None
        return self.source.fresh()


class LanceMappings:
    """The segments of a database, which stay the same while it is open; it takes the place of `Mappings`.

    Attributes:
        segments: in the order of their numbers.
    """

    def __init__(self, segments: list[Segment]):
        self.segments = segments

    def follow(self, tables: Tables) -> None:
        """Nothing changes."""

    def release(self) -> None:
        """Lets go of what was read."""
        self.segments = []


class LanceSide(SideIndex):
    """The index of LanceDB over a table, as a side index: what it finds is compared exactly."""

    def __init__(self, address: str, kind: Kind, table: Any, first: dict[int, int]):
        self.kind: Kind = kind
        self._address, self._table, self._first = address, table, first

    def covers(self, segment: Segment) -> bool:
        """Whether the rows of a segment are in it."""
        return segment.kind == self.kind

    def candidates(self, queries: Float[np.ndarray, "queries features"], count: int) -> Int[np.ndarray, "queries n"]:
        """Places of rows that may be the nearest; -1 where there are fewer."""
        places = np.full((len(queries), count), -1)
        for number, query in enumerate(queries):
            with refusals(self._address, "cannot be searched"):
                search = self._table.search(query, vector_column_name="vector").distance_type("dot")
                search = search.nprobes(PROBES).refine_factor(REFINE).select(["segment", "row"]).limit(count)
                rows = search.to_arrow()
            pairs = zip(rows["segment"].to_pylist(), rows["row"].to_pylist(), strict=True)
            nearest = [self._first[segment] + row for segment, row in pairs]
            places[number, : len(nearest)] = nearest
        return places


class LanceIndex(Index):
    """An index in LanceDB; it is made by `avnet.apps.archive.lance.copy_to_lance`, and read.

    Attributes: as of `Index`; precision is that of vectors when they are read.
    """

    def __init__(self, address: str, header: LanceHeader, tables: dict[Kind, Any]):
        self.folder = Path(address)
        self.address = address
        self.header = header
        self.model_fingerprint, self.embedding_size = header.model, header.size
        self.precision = "float16" if header.precision == "float16" else "float32"
        self._lance = tables
        facts = LanceTables(address, header, tables)
        self._tables = facts
        self.rows = RowTables(facts)
        self._pending, self._sides = [], {}
        segments: list[Segment] = []
        first, dtype = 0, np.dtype(self.precision)
        for id, kind, rows in header.segments:
            numbers, offset = facts.rows.get(id, np.empty(0, np.int64)), facts.offsets.get(id, 0)
            vectors = LanceVectors(address, tables[kind], numbers, offset, (rows, header.size), dtype)
            segments.append(LanceSegment(id, kind, self.folder, first, rows, None, vectors))
            first += rows
        self._mappings = LanceMappings(segments)

    @classmethod
    def open_address(cls, address: str, model_fingerprint: str | None = None) -> "LanceIndex":
        """Opens a database.

        Args:
            address: of a folder, or s3:// or gs://, as LanceDB has it.
            model_fingerprint: refuse an index of any other model; None takes any.

        Raises:
            ConfigError: lancedb is not installed.
            IndexFolderError: it cannot be read, is none, is damaged, of another model or of a newer avnet.
        """
        database = connect(address)
        with refusals(address, "cannot be read"):
            names = table_names(database)
        if HEADER not in names:
            raise IndexFolderError(address, "is not an index in LanceDB, or its writing was cut short")
        with refusals(address, "cannot be read"):
            texts = database.open_table(HEADER).search().select(["json"]).limit(2).to_arrow()["json"].to_pylist()
            header = LanceHeader.of_json(address, texts[0] if len(texts) == 1 else "")
            if model_fingerprint not in (None, header.model):
                own, theirs = str(model_fingerprint)[:12], header.model[:12]
                raise IndexFolderError(address, f"was made with another model ({theirs}..., this one is {own}...)")
            tables: dict[Kind, Any] = {kind: database.open_table(kind) for kind in KINDS}
            for table in tables.values():
                if getattr(table.schema.field("vector").type, "list_size", None) != header.size:
                    raise IndexFolderError(address, "is damaged (its vectors are of another size)")
        return cls(address, header, tables)

    def add(self, embeddings: np.ndarray, entries: Sequence[Entry], source: Source | None = None) -> None:
        """Refused.

        Raises:
            IndexFolderError: always.
        """
        raise IndexFolderError(self.address, "is read only; index into a folder and copy that with avnet copy-index")

    def sides(self) -> tuple[list[Any], list[AvnetError]]:
        """What LanceDB has built, for each kind that it has."""
        first = {segment.id: segment.first for segment in self._mappings.segments}
        sides: list[Any] = []
        for kind, table in self._lance.items():
            with refusals(self.address, "cannot be read"):
                if list(table.list_indices()):
                    sides.append(LanceSide(self.address, kind, table, first))
        return sides, []

    def coverage(self) -> dict[Kind, int]:
        """Rows of each kind that LanceDB's index covers."""
        kinds = {side.kind for side in self.sides()[0]}
        return {kind: count if kind in kinds else 0 for kind, count in self.counts().items()}
