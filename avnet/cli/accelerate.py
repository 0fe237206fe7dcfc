"""`avnet accelerate`: makes searches of a large index faster."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.accelerate import AccelerateOptions, AccelerationReport, accelerate_index
from avnet.cli.model_argument import DEFAULT_INDEX
from avnet.program.progress import show_progress


@dataclass(frozen=True, kw_only=True)
class AccelerateConfig(AccelerateOptions):
    """Speed up searches of a large index: most of the nearest entries are then found in a few milliseconds.

    Makes a side index of the images, and one of the sounds, where there are at least 200,000; it takes a quarter of
    the space of their vectors. Prints how much of the exact answer it finds. Run it again when the index has grown;
    until then, later entries are searched exactly. Needs the extra: pip install 'avnet[faiss]'.

    Example: avnet accelerate index
    """

    index: Annotated[Path, tyro.conf.Positional] = DEFAULT_INDEX
    """Folder of the index."""


def run(config: AccelerateConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the index or the option cannot be used, or faiss is not installed.
    """
    with show_progress() as on_event:
        reports = accelerate_index(config.index, config, on_event)
    for report in reports:
        print_report(report)


def print_report(report: AccelerationReport) -> None:
    """Two lines, or one where a side index would be of no use."""
    name = f"{report.kind}s"
    if not report.lists:
        print(f"{name}: {report.rows:,}; below {report.fewest:,} they are searched exactly, in about 10 ms")
        return
    lists = f"{report.lists:,} lists, of which a search reads {report.probes:,}"
    print(f"{name}: {report.rows:,} in {lists}; {report.bytes / 1e6:,.0f} MB, made in {report.seconds:.0f} s")
    recalls = ", ".join(f"by {kind}s {recall:.3f}" for kind, recall in report.recalls.items())
    print(f"  recall@10 {recalls}; {report.query_ms:.1f} ms a query instead of {report.exact_ms:.1f}")
