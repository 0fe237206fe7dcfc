"""How good tags are: the order of images by a word, and the tags that are told."""

import numpy as np
from jaxtyping import Bool, Float

from eval.metrics.ranking import average_precision, chance_average_precision, rank_relevance


def mean_average_precision(scores: Float[np.ndarray, "images words"], truth: Bool[np.ndarray, "images words"]) -> float:
    """Mean over words of the average precision of images in the order of a word's scores; NaN where none is true.

    Words that no image has have no average precision and do not count.
    """
    present = truth.any(axis=0)
    if not present.any():
        return float("nan")
    ranking = rank_relevance(scores[:, present].T, truth[:, present].T)
    return float(average_precision(ranking).mean())


def chance_mean_average_precision(truth: Bool[np.ndarray, "images words"]) -> float:
    """Expectation of `mean_average_precision` over all orders: whoever gives all images one score gets no more."""
    present = truth.any(axis=0)
    return float(chance_average_precision(truth[:, present].T).mean()) if present.any() else float("nan")


def precision_and_recall(
    tagged: Bool[np.ndarray, "images words"], truth: Bool[np.ndarray, "images words"]
) -> tuple[float, float]:
    """Share of the tags that are true, and share of what is true that is tagged; NaN where there is none."""
    right = float((tagged & truth).sum())
    return _share(right, tagged.sum()), _share(right, truth.sum())


def calibration_error(
    probabilities: Float[np.ndarray, "images words"], truth: Bool[np.ndarray, "images words"], bins: int = 10
) -> float:
    """Mean distance of probability and frequency over bins of equal width, weighted by what lies in them.

    Reference: Guo et al., "On calibration of modern neural networks", 2017, section 2 (ECE).
    """
    numbers = np.minimum((probabilities * bins).astype(int), bins - 1).ravel()
    sums = [np.bincount(numbers, values.ravel(), bins) for values in (probabilities, truth)]
    return float(np.abs(sums[0] - sums[1]).sum() / probabilities.size)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
