"""All rows of an index one after another, so many at a time: as NumPy, and as Arrow."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from avnet.errors import ConfigError
from avnet.index.entry import Entry, entry_id
from avnet.index.row_filter import RowFilter
from avnet.index.segment import Kind

if TYPE_CHECKING:
    from avnet.index.index import Index

# Rows of a batch, 8 MB of 128 numbers in float32 each.
ROWS = 1 << 14


@dataclass(frozen=True)
class RowBatch:
    """Some rows, in the order of adding.

    Attributes:
        entries: where each comes from.
        ids: of the entries, which hold until their files are indexed again.
        vectors: [n, size] of unit length, in the precision of the index.
    """

    entries: tuple[Entry, ...]
    ids: tuple[str, ...]
    vectors: Float[np.ndarray, "n size"]


def batches(
    index: "Index", rows: int = ROWS, kind: Kind | None = None, only: RowFilter | None = None
) -> Iterator[RowBatch]:
    """Goes through an index; memory holds one batch, and of the rows beside it a number for each.

    Args:
        index: that is open.
        rows: most rows of a batch.
        kind: only these; None takes both.
        only: which rows; None takes all.

    Raises:
        ConfigError: rows is less than 1.
        IndexFolderError: a segment has gone since the index was opened.

    Example:
        >>> from avnet.index.rows.batches import batches
        >>> with avnet.Index.open("index") as index:
        ...     sum(len(batch.vectors) for batch in batches(index)) == sum(index.counts().values())
        True
    """
    if rows < 1:
        raise ConfigError("rows", f"must be at least 1, got {rows}")
    shelves = index.shelves(kind)
    paths = index.rows.paths()
    for shelf in shelves if only is None else only.shelves(shelves, index.rows):
        segment, counting = shelf.segment, np.flatnonzero(shelf.files)
        times = index.rows.times(segment)
        for start in range(0, len(counting), rows):
            places = counting[start : start + rows]
            entries = tuple(
                Entry(paths[number], time_s, segment.kind)
                for number, time_s in zip(shelf.files[places].tolist(), times[places].tolist(), strict=True)
            )
            ids = tuple(entry_id(segment.id, row) for row in places.tolist())
            # Indexed with an array, so this is a copy and lets go of the mapping.
            yield RowBatch(entries, ids, segment.vectors()[places])


def arrow() -> Any:
    """The package.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import pyarrow  # pyright: ignore[reportMissingImports]: an extra
    except ImportError:
        raise ConfigError("pyarrow", "is not installed; it comes with the extra: pip install 'avnet[arrow]'") from None
    return pyarrow


def arrow_schema(size: int, precision: str, model_fingerprint: str) -> Any:
    """The columns of `arrow_batches`, and the model whose vectors they are.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    pa = arrow()
    number = pa.float16() if precision == "float16" else pa.float32()
    columns = [
        ("key", pa.string()),
        ("entry", pa.string()),
        ("file", pa.string()),
        ("time_s", pa.float64()),
        ("kind", pa.string()),
        ("vector", pa.list_(number, size)),
    ]
    return pa.schema(columns, metadata={"avnet.model": model_fingerprint})


def arrow_batches(
    index: "Index", rows: int = ROWS, kind: Kind | None = None, only: RowFilter | None = None
) -> Iterator[Any]:
    """`batches` as record batches of Arrow, whose columns are those of `arrow_schema`.

    Raises:
        ConfigError: pyarrow is not installed.

    Example:
        >>> from avnet.index.rows.batches import arrow_batches
        >>> with avnet.Index.open("index") as index:
        ...     next(arrow_batches(index, rows=2)).num_rows
        2
    """
    pa = arrow()
    schema = arrow_schema(index.embedding_size, index.precision, index.model_fingerprint)
    for batch in batches(index, rows, kind, only):
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(batch.vectors.reshape(-1)), index.embedding_size)
        columns = [
            pa.array([entry.key for entry in batch.entries]),
            pa.array(batch.ids),
            pa.array([entry.file for entry in batch.entries]),
            pa.array([entry.time_s for entry in batch.entries]),
            pa.array([entry.kind for entry in batch.entries]),
            vectors,
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
