"""From the log-odds of words to probabilities that mean what they say, and the thresholds of tags.

Both are fitted on images of validation: a network is surer of what it was trained on than of the rest.

Reference: Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from sklearn.linear_model import LogisticRegression

from avnet.nn.numerics import sigmoid
from avnet.tagger.vocabulary import NEVER, Vocabulary

# Of the shift of a word about that of all; a rare word has too few images to tell another.
VARIANCE = 0.25
# A word that fewer images have takes the threshold of all words, and a precision is of so many tags at least.
FEWEST = 5


def calibrate(
    words: Sequence[str],
    log_odds: Float[np.ndarray, "images words"],
    targets: Float[np.ndarray, "images words"],
    said: Bool[np.ndarray, "images words"],
    precision: float,
) -> Vocabulary:
    """Words with their calibration and thresholds.

    Args:
        words: of the columns.
        log_odds: of the network for images of validation.
        targets: in [0, 1], what probabilities are of.
        said: whether a tag is right.
        precision: that tags above the threshold of their word shall have.
    """
    slope, shift = fit_shared(log_odds, targets)
    shifts = np.full(len(words), shift)
    if _own_shifts_are_better(log_odds, targets):
        shifts += fit_shifts(slope * log_odds + shift, targets)
    probabilities = sigmoid(slope * log_odds + shifts)
    shared = threshold_of(probabilities.ravel(), said.ravel(), precision)
    thresholds = [
        threshold_of(column, right, precision) if right.sum() >= FEWEST else shared
        for column, right in zip(probabilities.T, said.T, strict=True)
    ]
    return Vocabulary(
        tuple(words),
        np.full(len(words), slope, np.float32),
        shifts.astype(np.float32),
        np.asarray(thresholds, np.float32),
    )


def fit_shared(
    log_odds: Float[np.ndarray, "images words"], targets: Float[np.ndarray, "images words"]
) -> tuple[float, float]:
    """Slope and shift of all words by which log-odds become likeliest; (1, 0) where they tell nothing."""
    count = log_odds.size
    weights = np.concatenate([targets.ravel(), 1 - targets.ravel()])
    if not 0 < targets.sum() < count:
        return 1.0, 0.0
    # A target between 0 and 1 counts as both answers.
    fit = LogisticRegression(C=1e6).fit(
        np.tile(log_odds.reshape(-1, 1), (2, 1)), np.repeat([True, False], count), sample_weight=weights
    )
    slope, shift = float(fit.coef_[0, 0]), float(fit.intercept_[0])
    # A negative slope would turn the order of all images round.
    return (slope, shift) if slope > 0 else (1.0, 0.0)


def fit_shifts(
    log_odds: Float[np.ndarray, "images words"], targets: Float[np.ndarray, "images words"]
) -> Float[np.ndarray, " words"]:
    """What each word's log-odds lack, likeliest under a normal prior about zero: Newton's method, all words at once."""
    shifts = np.zeros(log_odds.shape[1])
    for _ in range(20):
        p = sigmoid(log_odds + shifts)
        gradient = (targets - p).sum(axis=0) - shifts / VARIANCE
        # At most one unit a step: far from the answer the curve is nearly straight.
        shifts += np.clip(gradient / ((p * (1 - p)).sum(axis=0) + 1 / VARIANCE), -1, 1)
    return shifts


def threshold_of(probabilities: Float[np.ndarray, " n"], right: Bool[np.ndarray, " n"], precision: float) -> float:
    """The lowest threshold above which at least so large a part of the probabilities is right; else `NEVER`."""
    order = np.argsort(-probabilities, kind="stable")
    falling = probabilities[order]
    reached = np.cumsum(right[order]) >= precision * np.arange(1, len(order) + 1)
    # Equal probabilities are above a threshold together.
    apart = np.append(falling[:-1] > falling[1:], True)
    places = np.flatnonzero(reached & apart & (np.arange(1, len(order) + 1) >= FEWEST))
    if not len(places):
        return NEVER
    last = int(places[-1])
    return float((falling[last] + falling[last + 1]) / 2) if last + 1 < len(falling) else 0.0


def _own_shifts_are_better(log_odds: np.ndarray, targets: np.ndarray) -> bool:
    """Whether shifts that were fitted on every second image suit the others better than none."""
    gain = 0.0
    for part in (0, 1):
        fitted, other = slice(part, None, 2), slice(1 - part, None, 2)
        slope, shift = fit_shared(log_odds[fitted], targets[fitted])
        shifts = fit_shifts(slope * log_odds[fitted] + shift, targets[fitted])
        plain = slope * log_odds[other] + shift
        gain += _likelihood(plain + shifts, targets[other]) - _likelihood(plain, targets[other])
    return gain > 0


def _likelihood(log_odds: np.ndarray, targets: np.ndarray) -> float:
    return float((targets * log_odds - np.logaddexp(0.0, log_odds)).sum())
