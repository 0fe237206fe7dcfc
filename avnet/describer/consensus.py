"""What a description has in common with others of the same image, in runs of units."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

# Lengths of the runs that are compared: about a syllable to a word.
RUNS = (2, 4, 8)


def consensus(candidates: Sequence[np.ndarray], neighbors: Sequence[np.ndarray]) -> Float[np.ndarray, " n"]:
    """The mean likeness of each candidate to the other candidates and to what was retrieved, in [0, 1].

    Args:
        candidates: units of each.
        neighbors: units of descriptions of similar images.

    Reference: Devlin et al., "Exploring Nearest Neighbor Approaches for Image Captioning", 2015, section 3.2; as
        minimum Bayes risk in Kumar and Byrne, "Minimum Bayes-Risk Decoding", 2004.
    """
    runs = [_runs(units) for units in (*candidates, *neighbors)]
    scores = np.zeros(len(candidates))
    for i in range(len(candidates)):
        others = [likeness(runs[i], other) for j, other in enumerate(runs) if j != i]
        scores[i] = np.mean(others) if others else 0.0
    return scores


def likeness(one: list[Counter], other: list[Counter]) -> float:
    """The mean F-measure of shared runs over their lengths, in [0, 1]."""
    shares = []
    for ours, theirs in zip(one, other, strict=True):
        total = ours.total() + theirs.total()
        shares.append(2 * (ours & theirs).total() / total if total else 0.0)
    return float(np.mean(shares))


def _runs(units: np.ndarray) -> list[Counter]:
    units = units.tolist()
    return [Counter(tuple(units[i : i + n]) for i in range(len(units) - n + 1)) for n in RUNS]
