"""The nearest rows, found block by block: neither all the scores nor all the vectors are ever held.

A place is the number of a row in an index, in the order of adding. The number of a file is from 1; 0 marks a row
that does not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from avnet.index.segment import Segment, float32_of

# Scores held at once, 16 MB.
SCORES = 1 << 22
# Rows of a block. Each is four times as large as the one before, since every row of the first is among the nearest
# so far, and later few are.
FIRST_ROWS, MOST_ROWS = 256, 1 << 14


@dataclass(frozen=True)
class Shelf:
    """A segment, and which of its rows count.

    Attributes:
        segment: the vectors.
        files: int32 [rows], number of the file that each row comes from.
    """

    segment: Segment
    files: np.ndarray


class Nearest:
    """The k nearest of the rows that were shown, for each query.

    They come by falling score, rows of equal score by place; rows beyond so many of one file do not count. What
    is kept after every block is the answer for the rows shown so far, so the order of blocks changes nothing but
    which of two equal scores across them counts first.

    Attributes:
        scores: float32 [queries, k]; minus infinity where there are fewer.
        places: int64 [queries, k]; -1 where there are fewer.
    """

    def __init__(self, queries: int, k: int, per_file: int | None = None):
        self.scores = np.full((queries, k), -np.inf, np.float32)
        self.places = np.full((queries, k), -1)
        self._files = np.zeros((queries, k), np.int32)
        self._per_file = per_file

    def show(self, scores: Float[np.ndarray, "queries rows"], first: int, files: Int[np.ndarray, " rows"]) -> None:
        """Takes a block of rows that come after all that were shown.

        Args:
            scores: of every query with every row.
            first: place of the first row; the others follow it.
            files: numbers of the files of the rows.
        """
        # A later row of equal score comes behind, so only greater ones can enter.
        query, row = np.divmod(np.flatnonzero(scores > self.scores[:, -1:]), scores.shape[1])
        self.show_single(query, scores[query, row], first + row, files[row])

    def show_single(
        self,
        query: Int[np.ndarray, " n"],
        scores: Float[np.ndarray, " n"],
        places: Int[np.ndarray, " n"],
        files: Int[np.ndarray, " n"],
    ) -> None:
        """Takes single rows, each for one query and in any order.

        Args:
            query: for which query.
            scores: of that query with the row.
            places: of the row; not yet shown to that query.
            files: number of its file.
        """
        query, scores, places, files = (values[files > 0] for values in (query, scores, places, files))
        if not len(query):
            return
        touching, query = np.unique(query, return_inverse=True)
        old, slot = np.nonzero(self.places[touching] >= 0)
        query = np.concatenate([old, query])
        scores = np.concatenate([self.scores[touching][old, slot], scores])
        places = np.concatenate([self.places[touching][old, slot], places])
        files = np.concatenate([self._files[touching][old, slot], files])
        order = np.lexsort((places, -scores, query))
        if self._per_file is not None:
            order = order[_earlier_equals(query[order], files[order]) < self._per_file]
        rank = _earlier_equals(query[order])
        order, rank = order[rank < self.places.shape[1]], rank[rank < self.places.shape[1]]
        at = touching[query[order]], rank
        self.scores[at], self.places[at], self._files[at] = scores[order], places[order], files[order]


def go_through(nearest: Nearest, queries: Float[np.ndarray, "queries features"], shelves: Sequence[Shelf]) -> None:
    """Shows every row of some segments.

    Args:
        nearest: what it is shown to.
        queries: float32.
        shelves: by rising place, and after all that was shown.

    Raises:
        IndexFolderError: a segment has gone since the index was opened.
    """
    most = max(FIRST_ROWS, min(MOST_ROWS, SCORES // max(1, len(queries))))
    room = np.empty((most, queries.shape[1]), np.float32)
    rows = FIRST_ROWS
    for shelf in shelves:
        vectors = shelf.segment.vectors()
        start = 0
        while start < len(vectors):
            block = float32_of(vectors[start : start + rows], room)
            nearest.show(queries @ block.T, shelf.segment.first + start, shelf.files[start : start + rows])
            start += len(block)
            rows = min(4 * rows, most)


def rows_at(
    shelves: Sequence[Shelf], places: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "n features"], Int[np.ndarray, " n"]]:
    """Copies single rows.

    Args:
        shelves: by rising place.
        places: of at least one row, all of them on these shelves.

    Returns:
        The vectors as float32, and the numbers of the files.

    Raises:
        IndexFolderError: a segment has gone since the index was opened.
    """
    numbers = np.searchsorted([shelf.segment.first for shelf in shelves], places, side="right") - 1
    # Shelf by shelf: each may be a file that is mapped only while it is read.
    order = np.argsort(numbers, kind="stable")
    shelf_numbers, starts = np.unique(numbers[order], return_index=True)
    vectors, files = [], []
    for number, group in zip(shelf_numbers, np.split(order, starts[1:]), strict=True):
        shelf = shelves[number]
        rows = places[group] - shelf.segment.first
        # Indexed with an array, so this is a copy and lets go of the mapping.
        vectors.append(shelf.segment.vectors()[rows])
        files.append(shelf.files[rows])
    back = np.argsort(order)
    return np.concatenate(vectors)[back].astype(np.float32, copy=False), np.concatenate(files)[back]


def _earlier_equals(*keys: np.ndarray) -> np.ndarray:
    """For every item, how many items before it have the same keys."""
    order = np.lexsort(keys)
    new = np.ones(len(order), bool)
    new[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    position = np.arange(len(order))
    earlier = np.empty_like(position)
    earlier[order] = position - np.maximum.accumulate(np.where(new, position, 0))
    return earlier
