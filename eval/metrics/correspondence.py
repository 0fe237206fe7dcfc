"""How well matching pairs of image and sound are told from mismatched ones.

Conventions: `probabilities` are in [0, 1], `labels` are true for a matching pair.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from avnet.errors import DataError


@dataclass(frozen=True)
class Reliability:
    """Belief and truth in bins of equal width over [0, 1].

    Attributes:
        belief: mean probability of each bin; NaN where it is empty.
        frequency: share of matching pairs of each bin; NaN where it is empty.
        count: pairs of each bin.
    """

    belief: Float[np.ndarray, " bins"]
    frequency: Float[np.ndarray, " bins"]
    count: Int[np.ndarray, " bins"]

    @property
    def expected_error(self) -> float:
        """Expected calibration error in [0, 1]: |belief - frequency| weighted by the bins' counts."""
        nonempty = self.count > 0
        gap = np.abs(self.belief[nonempty] - self.frequency[nonempty])
        return float(np.average(gap, weights=self.count[nonempty]))


def accuracy(probabilities: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"], threshold: float = 0.5) -> float:
    """Share of pairs on the right side of the threshold; a probability on it counts as matching."""
    return float(np.mean((_finite(probabilities) >= threshold) == labels))


def standard_error(share: float, n: int) -> float:
    """Standard deviation of a share measured on n independent pairs."""
    return float(np.sqrt(share * (1.0 - share) / n))


def roc_auc(scores: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"]) -> float:
    """Probability that a matching pair scores above a mismatched one, equal scores counting half.

    Raises:
        DataError: only one kind of pair is there, or a score is not finite.
    """
    positive = int(labels.sum())
    negative = len(labels) - positive
    if positive == 0 or negative == 0:
        raise DataError("pairs", "must be both matching and mismatched; all are of one kind")
    _, inverse, counts = np.unique(_finite(scores), return_inverse=True, return_counts=True)
    # The mean rank of tied scores, counted from 1: half of the ties lie below each of them.
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    # Mann-Whitney: the ranks of the positives, less those that they have among themselves.
    wins = ranks[labels].sum() - positive * (positive + 1) / 2.0
    return float(wins / (positive * negative))


def reliability(probabilities: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"], bins: int = 15) -> Reliability:
    """Compares belief with truth, bin by bin.

    Differs from the reference in that it bins the probability of "matching" rather than that of the likelier
    answer: a model that is too sure of one answer alone is seen.

    Reference: Guo et al., "On calibration of modern neural networks", 2017, section 2.
    """
    # A probability of 1 belongs to the last bin.
    bin_of = np.minimum((_finite(probabilities) * bins).astype(int), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    sums = [np.bincount(bin_of, weights=values, minlength=bins) for values in (probabilities, labels)]
    belief, frequency = (np.divide(s, count, out=np.full(bins, np.nan), where=count > 0) for s in sums)
    return Reliability(belief, frequency, count)


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.all(np.isfinite(values)):
        raise DataError("scores", "hold values that are not finite; the model or its input is damaged")
    return values
