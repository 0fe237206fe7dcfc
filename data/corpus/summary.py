"""What a folder of records holds, as a table."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data.corpus import manifest
from data.corpus.corpus import read_look_alikes, read_manifest
from data.sampling.near_duplicates import report_lines
from data.splits import SPLITS


def print_summary(data_dir: str | Path, *, pairs: int = 0) -> list[manifest.Row]:
    """Prints videos, segments and minutes of each split, rejects by reason, and how many videos look alike, to stdout.

    Args:
        data_dir: path or address of a prepared folder.
        pairs: of videos that look alike are named, at most.

    Returns:
        The manifest.

    Raises:
        DataError: it was not written by `prepare`, or is damaged.
    """
    rows = read_manifest(data_dir)
    console = Console()
    table = Table(
        "split", "videos", "partial", "segments", "minutes", title=escape(str(data_dir)), title_justify="left"
    )
    for split in SPLITS:
        videos = [row for row in rows if row.split == split and row.records]
        partial = sum(row.status == "partial" for row in videos)
        minutes = sum(row.seconds for row in videos) / 60
        table.add_row(split, str(len(videos)), str(partial), str(sum(row.records for row in videos)), f"{minutes:.1f}")
    console.print(table)
    rejects = manifest.reject_counts(rows)
    if rejects:
        counts = ", ".join(f"{count} {kind}" for kind, count in rejects.most_common())
        console.print(
            f"rejected {rejects.total()} of {len(rows)} inputs: {counts}; see {data_dir}/{manifest.FILE}", markup=False
        )
    lines = report_lines(read_look_alikes(data_dir), {row.name: row.split for row in rows}, pairs)
    for line in lines:
        console.print(line, markup=False, highlight=False)
    return rows
