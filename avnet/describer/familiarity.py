"""Whether an image is like those that were learned from: a describer knows nothing of others."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

NEAREST = 5
# Images less like the learned ones than this share of the held-out ones make a describer unsure, the more so the
# less they are.
ORDINARY = 0.05


@dataclass(frozen=True)
class Familiarity:
    """Images that were learned from, and how like them held-out ones are.

    Attributes:
        features: float32 [images, features], pooled grids of the image tower, unit length.
        ordinary: float32 [q], ascending: likeness of held-out images.

    Reference: distance to the nearest training examples as in Sun et al., "Out-of-Distribution Detection with Deep
        Nearest Neighbors", 2022, section 3.
    """

    features: np.ndarray
    ordinary: np.ndarray

    @classmethod
    def of(cls, training: Float[np.ndarray, "n features"], held_out: Float[np.ndarray, "m features"]) -> "Familiarity":
        """Measures held-out images against learned ones; both pooled grids."""
        features = unit(training)
        return cls(features, np.sort(likeness(features, held_out)))

    def trust(self, pooled: Float[np.ndarray, "n features"]) -> Float[np.ndarray, " n"]:
        """1 for images as ordinary as held-out ones, falling to 0 for images like no other."""
        share = np.searchsorted(self.ordinary, likeness(self.features, pooled), side="right") / len(self.ordinary)
        return np.minimum(share / ORDINARY, 1.0)


def likeness(
    features: Float[np.ndarray, "n features"], pooled: Float[np.ndarray, "m features"]
) -> Float[np.ndarray, " m"]:
    """The mean cosine with the nearest few."""
    cosines = unit(pooled) @ features.T
    nearest = min(NEAREST, len(features))
    return np.partition(cosines, -nearest, axis=1)[:, -nearest:].mean(axis=1)


def unit(vectors: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n features"]:
    """Scaled to unit length; zero stays zero."""
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)).astype(np.float32)
