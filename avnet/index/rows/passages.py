"""Neighboring moments of a file as one passage."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avnet.index.entry import Hit


@dataclass(frozen=True)
class Passage:
    """Moments of one kind that follow each other in a file.

    Attributes:
        best: the one with the highest score; of equal scores the first that was found.
        start_s: time of the first, seconds.
        end_s: time of the last, seconds.
        moments: how many there are.
    """

    best: Hit
    start_s: float
    end_s: float
    moments: int


def passages(hits: Sequence[Hit], gap_s: float, k: int, per_file: int | None = None) -> list[Passage]:
    """Merges hits of one file and kind that are near to each other in time.

    Args:
        hits: by falling score.
        gap_s: a moment belongs to the passage before it where it is at most so many seconds later.
        k: how many passages at most.
        per_file: at most so many of one file; None takes any number.

    Returns:
        Passages in the order of their best moments.

    Example:
        >>> from avnet.index.entry import Hit
        >>> from avnet.index.rows.passages import passages
        >>> hits = [Hit("a.mp4", time_s, "image", score, "") for time_s, score in ((5.0, 0.9), (1.0, 0.8), (6.0, 0.7))]
        >>> [(one.best.score, one.start_s, one.end_s) for one in passages(hits, gap_s=2.0, k=10)]
        [(0.9, 5.0, 6.0), (0.8, 1.0, 1.0)]
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for rank, hit in enumerate(hits):
        groups.setdefault((hit.file, hit.kind), []).append(rank)
    merged = []
    for ranks in groups.values():
        in_time = sorted(ranks, key=lambda rank: hits[rank].time_s)
        times = np.array([hits[rank].time_s for rank in in_time])
        for part in np.split(np.array(in_time), 1 + np.flatnonzero(np.diff(times) > gap_s)):
            first, last, best = hits[part[0]], hits[part[-1]], min(part.tolist())
            merged.append((best, Passage(hits[best], first.time_s, last.time_s, len(part))))
    of_file: dict[str, int] = {}
    result = []
    for _, passage in sorted(merged, key=lambda pair: pair[0]):
        of_file[passage.best.file] = of_file.get(passage.best.file, 0) + 1
        if per_file is None or of_file[passage.best.file] <= per_file:
            result.append(passage)
    return result[:k]
