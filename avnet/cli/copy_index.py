"""`avnet copy-index`: an index in LanceDB, in a folder or a bucket."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.archive.lance import LanceOptions, copy_to_lance
from avnet.cli.model_argument import DEFAULT_INDEX
from avnet.program.progress import show_progress


@dataclass(frozen=True, kw_only=True)
class CopyIndexConfig(LanceOptions):
    """Copy an index into LanceDB: in a folder or a bucket, for archives beyond one disk.

    `avnet search` takes the address in place of the folder of an index.

    Example: avnet copy-index index --out s3://bucket/archive.lance --vector-index ivf-pq
    """

    index: Annotated[Path, tyro.conf.Positional] = DEFAULT_INDEX
    """Folder of the index."""
    out: str
    """Where to: a folder that ends in .lance, s3://BUCKET/NAME or gs://BUCKET/NAME."""


def run(config: CopyIndexConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the index cannot be opened, lancedb is not installed, or it cannot be written there.
    """
    with show_progress() as on_event:
        report = copy_to_lance(config.index, config.out, config, on_event)
    for kind, recall in report.recalls.items():
        print(f"of the ten nearest {kind}s {100 * recall:.1f} % are found")
    print(f"{report.address}: {report.rows} rows in {report.seconds:.1f} s")
