"""`avnet accelerate`: makes searches of a large index faster."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.errors import ConfigError, IndexRefused
from avnet.index.index import Index
from avnet.index.segment import KINDS, Kind
from avnet.index.side_index import side_file

NAMES: dict[Kind, str] = {"image": "pictures", "sound": "sounds"}


@dataclass(frozen=True)
class AccelerateConfig:
    """Speed up searches of a large index, which then find most of the nearest in a few milliseconds.

    It makes a side index, a quarter of the size of the vectors, for the pictures and for the sounds, from 200,000
    of them on, and prints how much of the exact answer it finds. Run it again when the index has grown: what came
    later is searched exactly until then. It wants the extra: pip install 'avnet[faiss]'.

    Example: avnet accelerate index
    """

    index: Annotated[Path, tyro.conf.Positional]
    """Folder of the index."""
    recall: float = 0.95
    """Share of the ten nearest that is to be found; more takes longer."""

    def __post_init__(self):
        if not 0.5 <= self.recall <= 0.99:
            raise ConfigError("--recall", f"wants 0.5 to 0.99, got {self.recall:g}")


def make_side_indexes(config: AccelerateConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the index or the option cannot be used, or faiss is not installed.
    """
    from avnet.index.acceleration import ROWS

    with Index.open(config.index) as store:
        if not os.access(config.index, os.W_OK):
            raise IndexRefused(config.index, "cannot be written")
        for kind, rows in store.counts().items():
            if rows < ROWS:
                print(f"{NAMES[kind]}: {rows:,}; below {ROWS:,} they are searched exactly, in about 10 ms")
            else:
                _make(store, kind, config.recall)


def _make(store: Index, kind: Kind, recall: float) -> None:
    from avnet.index.acceleration import accelerate

    print(f"{NAMES[kind]}: dividing them into lists; a million take about a minute", file=sys.stderr)
    begun = time.monotonic()
    made = accelerate(store, kind, recall)
    facts = store.save_side(made.side)
    took_s = time.monotonic() - begun
    size = side_file(store.folder, kind, facts.number).stat().st_size
    lists = f"{made.side.list_count:,} lists, of which a search reads {made.side.probes:,}"
    print(f"{NAMES[kind]}: {made.side.rows:,} in {lists}; {size / 1e6:,.0f} MB, made in {took_s:.0f} s")
    recalls = ", ".join(f"by {NAMES[other]} {made.recalls[other]:.3f}" for other in KINDS if other in made.recalls)
    print(f"  recall@10 {recalls}; {made.query_ms:.1f} ms a query instead of {made.exact_ms:.1f}")
