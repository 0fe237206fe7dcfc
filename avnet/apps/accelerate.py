"""Side indexes, which make searches of a large index faster."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from avnet.errors import IndexFolderError, OptionError
from avnet.events import Listener, nobody, steps
from avnet.index.index import Index
from avnet.index.segment import Kind
from avnet.index.side_index import side_file


@dataclass(frozen=True)
class AccelerateOptions:
    """How much of the exact answer is to be found."""

    recall: float = 0.95
    """Share of the ten nearest entries that a search has to find; a greater share takes longer."""

    def __post_init__(self):
        if not 0.5 <= self.recall <= 0.99:
            raise OptionError("recall", f"must be from 0.5 to 0.99, got {self.recall:g}")


@dataclass(frozen=True)
class AccelerationReport:
    """What became of one kind of entry.

    Attributes:
        kind: of the entries.
        rows: how many there are.
        fewest: below so many they are searched exactly, and there is no side index.
        lists: into which the side index divides them; 0 without one.
        probes: lists that a search reads.
        recalls: by the kind of the query, the share of the ten nearest that is found.
        query_ms: median time of a query.
        exact_ms: the same without the side index.
        bytes: size of the side index.
        seconds: that it took to make.
    """

    kind: Kind
    rows: int
    fewest: int
    lists: int = 0
    probes: int = 0
    recalls: dict[Kind, float] = field(default_factory=dict)
    query_ms: float = 0.0
    exact_ms: float = 0.0
    bytes: int = 0
    seconds: float = 0.0


def accelerate_index(
    folder: str | Path, options: AccelerateOptions | None = None, on_event: Listener = nobody
) -> list[AccelerationReport]:
    """Makes a side index for each kind of entry that is numerous enough.

    Args:
        folder: of the index.
        options: how much is to be found.
        on_event: is told of progress; a million entries take about a minute.

    Returns:
        A report for each kind.

    Raises:
        AvnetError: the index cannot be used or written, or faiss is not installed.
    """
    from avnet.index.acceleration import ROWS  # here, since few need it

    options = options or AccelerateOptions()
    with Index.open(folder) as store:
        # Before a minute of work, not after it.
        if not os.access(folder, os.W_OK):
            raise IndexFolderError(folder, "cannot be written")
        counts = store.counts()
        kinds = steps(counts, "making side indexes", len(counts), "kinds", on_event)
        return [
            _make(store, kind, options.recall) if counts[kind] >= ROWS else AccelerationReport(kind, counts[kind], ROWS)
            for kind in kinds
        ]


def _make(store: Index, kind: Kind, recall: float) -> AccelerationReport:
    from avnet.index.acceleration import ROWS, accelerate

    start = time.monotonic()
    result = accelerate(store, kind, recall)
    facts = store.save_side(result.side)
    return AccelerationReport(
        kind,
        result.side.rows,
        ROWS,
        result.side.list_count,
        result.side.probes,
        result.recalls,
        result.query_ms,
        result.exact_ms,
        side_file(store.folder, kind, facts.number).stat().st_size,
        time.monotonic() - start,
    )
