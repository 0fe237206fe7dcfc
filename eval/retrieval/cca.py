"""Canonical correlation analysis in closed form: linear maps under which two views of one thing agree."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from avnet.errors import DataError


@dataclass(frozen=True)
class Alignment:
    """Maps from the features of two views to shared coordinates.

    Attributes:
        mean_a: of the first view's features.
        mean_b: of the second view's features.
        weights_a: maps centred features of the first view to coordinates.
        weights_b: maps centred features of the second view to coordinates.
        correlations: of the coordinates of the fitted pairs, falling, in [0, 1].
    """

    mean_a: Float[np.ndarray, " features_a"]
    mean_b: Float[np.ndarray, " features_b"]
    weights_a: Float[np.ndarray, "features_a size"]
    weights_b: Float[np.ndarray, "features_b size"]
    correlations: Float[np.ndarray, " size"]

    def first(self, features: Float[np.ndarray, "n features_a"]) -> Float[np.ndarray, "n size"]:
        """Coordinates of the first view."""
        return (features - self.mean_a) @ self.weights_a

    def second(self, features: Float[np.ndarray, "n features_b"]) -> Float[np.ndarray, "n size"]:
        """Coordinates of the second view."""
        return (features - self.mean_b) @ self.weights_b


def fit(
    a: Float[np.ndarray, "n features_a"],
    b: Float[np.ndarray, "n features_b"],
    size: int = 128,
    ridge: float = 1e-4,
) -> Alignment:
    """Finds the directions in which pairs (a[i], b[i]) are most correlated.

    Both views are whitened and the singular vectors of their cross-covariance give the directions;
    coordinates have unit variance over the fitted pairs (where the ridge is small).

    Args:
        a: features of the first view.
        b: features of the second view, in the same order.
        size: coordinates kept; at most the smaller number of features and one less than the pairs.
        ridge: added to the variances, as a fraction of each view's mean variance. Dead units and fewer pairs
            than features would otherwise let noise correlate perfectly.

    Raises:
        DataError: there are fewer than two pairs, or a feature is not finite.

    Reference: Hotelling, "Relations between two sets of variates", 1936; the ridge as in Hardoon et al.,
    "Canonical correlation analysis", 2004.
    """
    if len(a) < 2 or len(a) != len(b):
        raise DataError("pairs", f"must be at least two, of one length, to be aligned, got {len(a)} and {len(b)}")
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        raise DataError("features", "hold values that are not finite; the model or its input is damaged")
    # In float64 from here on: the inverse root of a covariance has no digits to lose.
    mean_a, mean_b = a.mean(axis=0, dtype=float), b.mean(axis=0, dtype=float)
    centred_a, centred_b = a - mean_a, b - mean_b
    whiten_a, whiten_b = _whitening(centred_a, ridge), _whitening(centred_b, ridge)
    cross = (centred_a @ whiten_a).T @ (centred_b @ whiten_b) / (len(a) - 1)
    left, correlations, right = np.linalg.svd(cross, full_matrices=False)
    # n pairs less their mean span n - 1 directions.
    rank = min(size, len(a) - 1, len(correlations))
    return Alignment(
        mean_a,
        mean_b,
        whiten_a @ left[:, :rank],
        whiten_b @ right[:rank].T,
        # Rounding may carry a perfect correlation above 1.
        np.clip(correlations[:rank], 0.0, 1.0),
    )


def _whitening(features: np.ndarray, ridge: float) -> np.ndarray:
    """The symmetric inverse root of the covariance; zero along directions without any variance."""
    covariance = features.T @ features / (len(features) - 1)
    values, vectors = np.linalg.eigh(covariance)
    # Rounding may make an eigenvalue of zero negative.
    values = np.maximum(values, 0.0) + ridge * float(np.mean(values))
    # Directions below this hold rounding errors, which whitening would blow up.
    floor = float(values.max()) * 1e-10
    scale = np.divide(1.0, np.sqrt(values), out=np.zeros_like(values), where=values > floor)
    return (vectors * scale) @ vectors.T
