"""What a description has in common with those of similar images, in runs of units."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

# Lengths of the runs that are compared: about a syllable to a word.
RUNS = (2, 4, 8)


def consensus(candidates: Sequence[np.ndarray], neighbors: Sequence[Sequence[np.ndarray]]) -> Float[np.ndarray, " n"]:
    """The mean likeness of each candidate to descriptions of similar images, in [0, 1].

    Args:
        candidates: units of each.
        neighbors: of each similar image units of its descriptions, at least one; every image counts alike. Where there
            is no image, candidates are compared with each other.

    Reference: Devlin et al., "Exploring Nearest Neighbor Approaches for Image Captioning", 2015, section 3.2; among
        candidates as minimum Bayes risk in Kumar and Byrne, "Minimum Bayes-Risk Decoding", 2004.
    """
    own = [_runs(units) for units in candidates]
    if not neighbors:
        others = [[likeness(one, other) for other in own if other is not one] for one in own]
        return np.array([np.mean(row) if row else 0.0 for row in others])
    images = [[_runs(units) for units in descriptions] for descriptions in neighbors]
    return np.array([np.mean([np.mean([likeness(one, other) for other in image]) for image in images]) for one in own])


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
