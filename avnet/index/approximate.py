"""The nearest rows with the help of side indexes; without any, or where they do not suffice, exactly."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from avnet.index.nearest import SCORES, Nearest, Shelf, go_through, rows_at
from avnet.index.side_index import SideIndex

# Rows that are asked for, for every hit that is wanted: what a side index thinks the tenth may be the first.
CANDIDATES_PER_HIT = 4
# Where hits still lack, because many rows are of one file or do not count, so many times more are asked for; beyond
# the most, going through all rows is quicker.
WIDER, MOST = 8, 4096


def find_nearest(
    queries: Float[np.ndarray, "queries features"],
    shelves: Sequence[Shelf],
    k: int,
    per_file: int | None = None,
    sides: Sequence[SideIndex] = (),
    pool: int | None = None,
) -> Nearest:
    """The nearest rows.

    Rows that no side index covers are gone through exactly; the scores of those that one gives are calculated
    anew from their vectors.

    Args:
        queries: float32.
        shelves: what is searched, by rising place.
        k: how many for a query, at most.
        per_file: at most so many of one file; None takes any number.
        sides: side indexes, one of a kind at most; without them the search is exact.
        pool: rows to ask a side index for; `CANDIDATES_PER_HIT` times k unless given.

    Raises:
        IndexFolderError: a segment has gone since the index was opened.
    """
    pool = pool or CANDIDATES_PER_HIT * k
    nearest = Nearest(len(queries), k, per_file)
    rest = list(shelves)
    for side in sides:
        before, within, rest = rest, [], []
        for shelf in before:
            (within if side.covers(shelf.segment) else rest).append(shelf)
        if within:
            _show_candidates(nearest, queries, within, side, pool)
    go_through(nearest, queries, rest)
    lacking = np.flatnonzero(nearest.places[:, -1] < 0)
    if len(rest) < len(shelves) and len(lacking):
        wider = pool * WIDER
        again = find_nearest(queries[lacking], shelves, k, per_file, sides if wider <= MOST else (), wider)
        nearest.scores[lacking], nearest.places[lacking] = again.scores, again.places
    return nearest


def _show_candidates(
    nearest: Nearest, queries: np.ndarray, shelves: Sequence[Shelf], side: SideIndex, pool: int
) -> None:
    at_once = max(1, SCORES // (pool * queries.shape[1]))
    for start in range(0, len(queries), at_once):
        part = queries[start : start + at_once]
        places = side.candidates(part, pool)
        query, column = np.nonzero(places >= 0)
        if len(query):
            places = places[query, column]
            vectors, files = rows_at(shelves, places)
            nearest.show_single(start + query, np.einsum("nf,nf->n", vectors, part[query]), places, files)
