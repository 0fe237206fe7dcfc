"""Making a side index: how many of its lists have to be searched is found by measuring, against exact search."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from avnet.errors import ConfigError
from avnet.index.approximate import find_nearest
from avnet.index.index import Index
from avnet.index.nearest import Shelf, rows_at
from avnet.index.segment import KINDS, Kind
from avnet.index.side_index import SideIndex, sample_size

# Fewer are searched exactly in about 10 ms.
ROWS = 200_000
# Hits that recall is measured with.
K = 10
# Vectors of each kind that the lists are counted with, and as many more that the recall is measured with.
QUERIES = 1000
# Twice of what recall with so many queries is off by.
MARGIN = 0.015
# Rows whose cosines differ by less are as near.
TIE = 1e-6
# Queries that are timed, with and without the side index.
TIMING_QUERIES, EXACT_TIMING_QUERIES = 100, 5


@dataclass(frozen=True)
class Acceleration:
    """A side index and what it reaches.

    Attributes:
        side: the side index.
        recalls: by the kind of the query, the share of the ten nearest rows that it finds, or of the nearest rows of
            the ten nearest files if that is less.
        query_ms: median time of one query for the nearest rows of ten files.
        exact_ms: the same without the side index.
    """

    side: SideIndex
    recalls: dict[Kind, float]
    query_ms: float
    exact_ms: float


@dataclass(frozen=True)
class _Case:
    """Queries whose nearest rows are known.

    Attributes:
        kind: of the queries.
        queries: float32 [queries, size].
        own: 1 where every query is itself among the rows and counts for nothing; else 0.
        per_file: at most so many hits of one file.
        least: [queries], the score of the last of the nearest.
        count: [queries], how many nearest there are.
    """

    kind: Kind
    queries: np.ndarray
    own: int
    per_file: int | None
    least: np.ndarray
    count: np.ndarray


def accelerate(index: Index, kind: Kind, recall: float = 0.95, seed: int = 0) -> Acceleration:
    """Makes a side index of all rows of a kind that finds enough of the nearest.

    It is measured with rows of both kinds for queries, since sounds lie among images otherwise than images do.
    None of them is in the sample that the lists are made of.

    Args:
        index: that has rows enough.
        kind: what will be searched for.
        recall: that is wanted with either kind of query, in (0, 1).
        seed: of the choice of sample and queries.

    Returns:
        The side index, not saved, and what it reaches with queries that it was not adjusted to.

    Raises:
        ConfigError: there are fewer than `ROWS` rows, or faiss is not installed.
        IndexFolderError: a segment has gone since the index was opened.
    """
    if (rows := index.counts()[kind]) < ROWS:
        raise ConfigError(f"{kind} rows", f"are {rows}; from {ROWS} on a side index is of use")
    rng = np.random.default_rng(seed)
    queries, sample = {}, np.empty(0)
    for other in KINDS:
        shelves = index.shelves(other)
        places = rng.permutation(_places(shelves))
        if len(places):
            queries[other] = rows_at(shelves, places[: 2 * QUERIES])[0]
        if other == kind:
            sample = rows_at(shelves, places[2 * QUERIES :][: sample_size(rows)])[0]
    shelves = index.shelves(kind)
    side = SideIndex.build(shelves, sample)
    cases = _cases(shelves, kind, {other: vectors[::2] for other, vectors in queries.items()})
    while side.probes < side.list_count and any(_recall(side, shelves, case) < recall + MARGIN for case in cases):
        # By a quarter at a time: every try is a measurement, and lists too many would slow all searches.
        side.probes = min(side.list_count, math.ceil(1.25 * side.probes))
    recalls: dict[Kind, float] = {}
    for case in _cases(shelves, kind, {other: vectors[1::2] for other, vectors in queries.items()}):
        recalls[case.kind] = min(recalls.get(case.kind, 1.0), _recall(side, shelves, case))
    timing_queries = queries[kind][:TIMING_QUERIES]
    exact_ms = _median_ms(index, timing_queries[:EXACT_TIMING_QUERIES], kind, [])
    return Acceleration(side, recalls, _median_ms(index, timing_queries, kind, [side]), exact_ms)


def _places(shelves: Sequence[Shelf]) -> np.ndarray:
    """Of all rows that count."""
    places = [shelf.segment.first + np.flatnonzero(shelf.files) for shelf in shelves]
    return np.concatenate(places) if places else np.empty(0, np.int64)


def _cases(shelves: Sequence[Shelf], kind: Kind, queries: dict[Kind, np.ndarray]) -> list[_Case]:
    cases = []
    for other, vectors in queries.items():
        for per_file in (None, 1):
            own = int(other == kind)
            nearest = find_nearest(vectors, shelves, K + own, per_file)
            count = (nearest.places >= 0).sum(axis=1)
            least = nearest.scores[np.arange(len(vectors)), count - 1]
            cases.append(_Case(other, vectors, own, per_file, least, count))
    return cases


def _recall(side: SideIndex, shelves: Sequence[Shelf], case: _Case) -> float:
    nearest = find_nearest(case.queries, shelves, K + case.own, case.per_file, [side])
    right = nearest.scores >= case.least[:, None] - TIE
    return float((right.sum(axis=1) - case.own).sum() / max(1, (case.count - case.own).sum()))


def _median_ms(index: Index, queries: Float[np.ndarray, "n features"], kind: Kind, sides: Sequence[SideIndex]) -> float:
    seconds = []
    for query in queries:
        start = time.perf_counter()
        index.search(query, K, kind, per_file=1, sides=sides)
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds))
