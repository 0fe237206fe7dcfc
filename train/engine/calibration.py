"""Making probabilities mean what they say on videos that were not trained on.

A network is surer of its training videos than of others, so its yes-no threshold drifts. Two numbers, fitted on the
validation list, put it right; the order of the scores, and so retrieval and where a heatmap peaks, stays as it is.

Reference: Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression


def fit_calibration(scores: np.ndarray, same_video: np.ndarray) -> tuple[float, float]:
    """Fits slope and shift such that sigmoid(slope * score + shift) is the probability of correspondence.

    Args:
        scores: log-odds [n images, n sounds]; the matching pairs are on the diagonal.
        same_video: [n, n], where both are of one video; off the diagonal these are left out.

    Returns:
        (slope, shift), matching and mismatched pairs weighing the same; (1, 0) where the scores tell nothing.
    """
    (slope,), shift = _fit(scores[..., None], same_video)
    # A negative slope would turn the order of all scores round.
    return (slope, shift) if slope > 0 else (1.0, 0.0)


def fit_weights(evidence: np.ndarray, same_video: np.ndarray) -> tuple[list[float], float]:
    """Fits weights and shift such that sigmoid(evidence @ weights + shift) is the probability of correspondence.

    Args:
        evidence: [n images, n sounds, k]; the matching pairs are on the diagonal.
        same_video: as in `fit_calibration`.

    Returns:
        (weights, shift). None is negative: what speaks for a match never counts against it.
    """
    places = list(range(evidence.shape[-1]))
    while places:
        weights, shift = _fit(evidence[..., places], same_video)
        if min(weights) > 0:
            break
        del places[int(np.argmin(weights))]
    else:
        return [1.0] * evidence.shape[-1], 0.0
    fitted = dict(zip(places, weights, strict=True))
    return [fitted.get(place, 0.0) for place in range(evidence.shape[-1])], shift


def _fit(evidence: np.ndarray, same_video: np.ndarray) -> tuple[list[float], float]:
    """Weights and shift of a logistic regression on matching and mismatched pairs; zeros where none is mismatched."""
    diagonal = np.eye(len(evidence), dtype=bool)
    pairs = diagonal | ~same_video
    labels = diagonal[pairs]
    matching, mismatched = int(labels.sum()), int((~labels).sum())
    if not mismatched:
        return [0.0] * evidence.shape[-1], 0.0
    # Platt's smoothed targets: every pair counts as both answers, the likelier one more.
    target = np.where(labels, (matching + 1) / (matching + 2), 1 / (mismatched + 2))
    weight = np.where(labels, 0.5 / matching, 0.5 / mismatched) * len(labels)
    # Hardly any regularization: the smoothed targets keep a few numbers from running away.
    fit = LogisticRegression(C=1e6).fit(
        np.tile(evidence[pairs], (2, 1)),
        np.repeat([True, False], len(labels)),
        sample_weight=np.concatenate([weight * target, weight * (1 - target)]),
    )
    return fit.coef_[0].tolist(), float(fit.intercept_[0])
