"""Copying an index into LanceDB: onto a disk or into a bucket, whole or in 8 bits, with an index of LanceDB's own."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from avnet.errors import ConfigError, IndexFolderError, OptionError
from avnet.events import Listener, nobody, steps
from avnet.index.engines.address import is_remote, lance_address
from avnet.index.engines.lance_database import HEADER, LanceHeader, LancePrecision, connect, refusals, table_names
from avnet.index.engines.lance_index import LanceIndex
from avnet.index.entry import place_of
from avnet.index.index import Index
from avnet.index.rows.batches import ROWS, RowBatch, arrow, batches
from avnet.index.segment import KINDS, Kind

VectorIndex = Literal["none", "ivf-pq", "ivf-hnsw-sq"]
# Batches that make one fragment of a table: few and large ones are read quickest.
FRAGMENT_BATCHES = 16
# What recall is measured with: rows as queries, and hits of each.
QUERIES, K = 100, 10
# Fewer rows are compared exactly in a moment, and too few to learn centers from.
LEAST_ROWS = 1000


@dataclass(frozen=True)
class LanceOptions:
    """How an index is copied into LanceDB."""

    precision: Literal["same", "float32", "float16", "int8"] = "same"
    """Precision of vectors in LanceDB; int8 takes a quarter of float32, and its recall is measured."""
    vector_index: VectorIndex = "none"
    """Index that LanceDB builds, with which searches of many rows are quicker and find most of the nearest."""

    def __post_init__(self):
        if self.precision == "int8" and self.vector_index != "none":
            raise OptionError("vector_index", "goes with float32 and float16; int8 is searched exactly")


@dataclass(frozen=True)
class LanceReport:
    """What was copied.

    Attributes:
        address: where it lies.
        rows: how many.
        recalls: by kind, the share of the ten nearest rows of the index that searches of the copy find: with vectors of
            fewer bits, with LanceDB's index, or both. Empty where the copy is searched exactly and as precise.
        seconds: that copying took.
    """

    address: str
    rows: int
    recalls: dict[Kind, float]
    seconds: float


def copy_to_lance(
    index: str | Path, out: str | Path, options: LanceOptions | None = None, on_event: Listener = nobody
) -> LanceReport:
    """Copies an index into LanceDB, a batch at a time; a database of avnet's that is there is replaced.

    Args:
        index: its folder.
        out: FOLDER.lance, s3://BUCKET/NAME or gs://BUCKET/NAME.
        options: precision and index.
        on_event: is told of progress.

    Raises:
        AvnetError: the index cannot be opened, lancedb is not installed, or it cannot be written there.
    """
    options = options or LanceOptions()
    if (address := lance_address(out)) is None:
        raise ConfigError(out, "must end in .lance, or be s3://BUCKET/NAME or gs://BUCKET/NAME")
    began = time.monotonic()
    database = connect(address)
    with Index.open(index) as store:
        if isinstance(store, LanceIndex) and store.address == address:
            raise ConfigError(out, "is the index itself")
        same: LancePrecision = store.header.precision if isinstance(store, LanceIndex) else store.precision
        precision: LancePrecision = same if options.precision == "same" else options.precision
        shelved = [shelf.segment for shelf in store.shelves()]
        segments: tuple[tuple[int, Kind, int], ...] = tuple((one.id, one.kind, one.rows) for one in shelved)
        header = LanceHeader(store.model_fingerprint, store.embedding_size, precision, segments)
        _make_room(address, database)
        with refusals(address, "cannot be written"):
            for kind, count in store.counts().items():
                table = database.create_table(kind, schema=_schema(header), mode="overwrite")
                _fill(table, store, kind, count, header, on_event)
                if options.vector_index != "none" and count >= LEAST_ROWS:
                    table.create_index("vector", config=_index_config(options.vector_index))
            text = arrow().table({"json": [header.to_json()]})
            database.create_table(HEADER, data=text, mode="overwrite")
        copy = LanceIndex.open_address(address)
        changed = precision != same or options.vector_index != "none"
        recalls = _recalls(store, copy) if changed else {}
        return LanceReport(address, sum(store.counts().values()), recalls, time.monotonic() - began)


def _make_room(address: str, database: Any) -> None:
    """Drops the header of what is there, so that a copy that is cut short is not taken for a whole one."""
    with refusals(address, "cannot be reached"):
        names = set(table_names(database))
    foreign = sorted(names - {HEADER, *KINDS})
    if not is_remote(address):
        folder = Path(address)
        known = {f"{name}.lance" for name in (HEADER, *KINDS)}
        foreign += sorted(file.name for file in folder.iterdir() if file.name not in known) if folder.is_dir() else []
    if foreign:
        raise IndexFolderError(address, f"is not replaced: it holds {foreign[0]}, which avnet did not write")
    if HEADER in names:
        with refusals(address, "cannot be written"):
            database.drop_table(HEADER)


def _schema(header: LanceHeader) -> Any:
    pa = arrow()
    number = {"float32": pa.float32(), "float16": pa.float16(), "int8": pa.int8()}[header.precision]
    columns = [
        ("segment", pa.int64()),
        ("row", pa.int64()),
        ("file", pa.string()),
        ("changed_ns", pa.int64()),
        ("time_s", pa.float64()),
        ("vector", pa.list_(number, header.size)),
    ]
    return pa.schema([*columns, ("scale", pa.float32())] if header.precision == "int8" else columns)


def _fill(table: Any, store: Index, kind: Kind, count: int, header: LanceHeader, on_event: Listener) -> None:
    changed = {path: store.rows.dates().get(number) for number, path in store.rows.paths().items()}
    rows = (_columns(batch, changed, header) for batch in batches(store, ROWS, kind))
    several = _several(steps(rows, f"copying {kind}s", -(-count // ROWS), "batches", on_event))
    for part in several:
        table.add(part)


def _several(rows: Iterator[Any]) -> Iterator[Any]:
    """Tables of a few batches each."""
    pa, waiting = arrow(), []
    for batch in rows:
        waiting.append(batch)
        if len(waiting) == FRAGMENT_BATCHES:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _columns(batch: RowBatch, changed: dict[str, float | None], header: LanceHeader) -> Any:
    pa, schema = arrow(), _schema(header)
    places = [place_of(id) for id in batch.ids]
    dates = [changed.get(entry.file) for entry in batch.entries]
    numbers, scale = to_precision(batch.vectors, header.precision)
    columns = [
        pa.array([segment for segment, _ in places], pa.int64()),
        pa.array([row for _, row in places], pa.int64()),
        pa.array([entry.file for entry in batch.entries], pa.string()),
        pa.array([None if date is None else round(date * 1e9) for date in dates], pa.int64()),
        pa.array([entry.time_s for entry in batch.entries], pa.float64()),
        pa.FixedSizeListArray.from_arrays(pa.array(numbers.reshape(-1)), header.size),
    ]
    if header.precision == "int8":
        columns.append(pa.array(scale))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def to_precision(vectors: np.ndarray, precision: LancePrecision) -> tuple[np.ndarray, np.ndarray]:
    """Vectors as they are stored, and what each has to be multiplied with: 1, or its largest number over 127 for int8.

    Example:
        >>> import numpy as np
        >>> from avnet.apps.archive.lance import to_precision
        >>> numbers, scale = to_precision(np.array([[0.6, -0.8]], np.float32), "int8")
        >>> numbers.tolist(), round(float(scale[0]) * 127, 6)
        ([[95, -127]], 0.8)
    """
    if precision != "int8":
        return np.ascontiguousarray(vectors, precision), np.ones(len(vectors), np.float32)
    scale = np.abs(vectors).max(axis=1).astype(np.float32) / 127
    return np.rint(vectors.astype(np.float32) / scale[:, None]).astype(np.int8), scale


def _index_config(kind: VectorIndex) -> Any:
    from lancedb.index import HnswSq, IvfPq  # pyright: ignore[reportMissingImports]: an extra

    return IvfPq(distance_type="dot") if kind == "ivf-pq" else HnswSq(distance_type="dot")


def _recalls(store: Index, copy: LanceIndex) -> dict[Kind, float]:
    """By kind, how many of the nearest rows a search of the copy finds, with rows of the index as queries."""
    recalls: dict[Kind, float] = {}
    sides, _ = copy.sides()
    for kind, count in store.counts().items():
        if count < 2:
            continue
        ids = [id for batch in batches(store, kind=kind) for id in batch.ids[:: max(1, count // QUERIES)]][:QUERIES]
        queries = np.stack([store.entry(id)[1] for id in ids])
        nearest = store.search_many(queries, K + 1, kind)
        others = copy.search_many(queries, K + 1, kind, sides=sides)
        # A row finds itself in both, which says nothing.
        pairs = [
            ({hit.id for hit in one} - {id}, {hit.id for hit in other} - {id})
            for id, one, other in zip(ids, nearest, others, strict=True)
        ]
        recalls[kind] = sum(len(one & other) for one, other in pairs) / max(1, sum(len(one) for one, _ in pairs))
    return recalls
