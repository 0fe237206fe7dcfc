"""Writing all rows of an index into one file that other programs read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from avnet.errors import ConfigError, OptionError
from avnet.events import Listener, nobody, steps
from avnet.files.whole import whole_file
from avnet.index.index import Index
from avnet.index.row_filter import RowFilter
from avnet.index.rows.batches import ROWS, arrow, arrow_batches, arrow_schema
from avnet.index.segment import Kind

SUFFIXES = (".parquet", ".arrow")


@dataclass(frozen=True)
class RowsOptions:
    """Which rows are written, and how."""

    kind: Literal["image", "sound", "both"] = "both"
    """Which rows to write."""
    source: str = ""
    """Write only rows of files whose path contains this, in capitals or not, or fits a pattern, as in holiday*.mp4."""
    rows: int = ROWS
    """Greatest number of rows that are held in memory at once, and that make a row group of Parquet."""

    def __post_init__(self):
        if not 1 <= self.rows <= 1 << 20:
            raise OptionError("rows", f"must be from 1 to {1 << 20}, got {self.rows}")


@dataclass(frozen=True)
class RowsReport:
    """What was written.

    Attributes:
        rows: how many.
        size: of the file, bytes.
    """

    rows: int
    size: int


def export_index(
    index: str | Path, out: str | Path, options: RowsOptions | None = None, on_event: Listener = nobody
) -> RowsReport:
    """Writes the rows of an index: key, entry, file, time_s, kind, and vector in the precision of the index.

    Rows are read and written a batch at a time, so that memory does not grow with the index but by a number a row.

    Args:
        index: its folder.
        out: .parquet, or .arrow for Arrow's own format.
        options: which rows.
        on_event: is told of progress.

    Raises:
        AvnetError: the index cannot be opened, pyarrow is not installed, or the file cannot be written.
    """
    options, out = options or RowsOptions(), Path(out)
    if out.suffix.lower() not in SUFFIXES:
        raise ConfigError(out, f"must have a name that ends in {' or '.join(SUFFIXES)}")
    arrow()
    kind: Kind | None = None if options.kind == "both" else options.kind
    only = RowFilter(options.source) if options.source else None
    count = 0
    with Index.open(index) as store:
        schema = arrow_schema(store.embedding_size, store.precision, store.model_fingerprint)
        counts = store.counts()
        total = sum(counts.values()) if kind is None else counts[kind]
        record_batches = arrow_batches(store, options.rows, kind, only)
        with whole_file(out) as temporary, _writer(temporary, out.suffix.lower(), schema) as writer:
            for batch in steps(record_batches, "writing", -(-total // options.rows), "batches", on_event):
                writer.write_batch(batch)
                count += batch.num_rows
    return RowsReport(count, out.stat().st_size)


def _writer(path: Path, suffix: str, schema: Any) -> Any:
    if suffix == ".parquet":
        from pyarrow import parquet  # pyright: ignore[reportMissingImports]: an extra

        # Numbers of unit vectors are as good as random: a dictionary of them would only cost time.
        dictionaries: Any = ["file", "kind"]
        return parquet.ParquetWriter(path, schema, compression="zstd", use_dictionary=dictionaries)
    return arrow().ipc.new_file(path, schema)
