"""`avnet compact-index`: puts the small segments of an index together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.index import compact_index
from avnet.cli.model_argument import DEFAULT_INDEX


@dataclass(frozen=True)
class CompactIndexConfig:
    """Put the small segments of an index together, so that it has fewer files and searches are faster.

    `avnet index --update` does so by itself where there are many. Searches may go on meanwhile. Segments that a side
    index of `avnet accelerate` covers stay as they are.

    Example: avnet compact-index index
    """

    index: Annotated[Path, tyro.conf.Positional] = DEFAULT_INDEX
    """Folder of the index."""


def run(config: CompactIndexConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the index cannot be used, or another run is writing into it.
    """
    before, after = compact_index(config.index)
    print(f"{config.index} had {before} segments and has {after}")
