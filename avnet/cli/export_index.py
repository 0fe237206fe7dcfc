"""`avnet export-index`: all rows of an index in one file that other programs read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.archive.rows import SUFFIXES, RowsOptions, export_index
from avnet.cli.model_argument import DEFAULT_INDEX
from avnet.program.output import check_writable
from avnet.program.progress import show_progress


@dataclass(frozen=True, kw_only=True)
class ExportIndexConfig(RowsOptions):
    """Write all rows of an index into a file of Parquet or Arrow, for pandas, DuckDB, Polars and others.

    Example: avnet export-index index --out rows.parquet
    """

    index: Annotated[Path, tyro.conf.Positional] = DEFAULT_INDEX
    """Folder of the index."""
    out: Path
    """File to write, .parquet or .arrow: key, entry, file, time_s, kind, and vector."""


def run(config: ExportIndexConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the index cannot be opened, pyarrow is not installed, or the file cannot be written.
    """
    check_writable(config.out, *SUFFIXES)
    with show_progress() as on_event:
        report = export_index(config.index, config.out, config, on_event)
    print(f"{config.out}: {report.rows} rows, {report.size / 1e6:.1f} MB")
