"""Whether an image is like those that were learned from: a describer knows nothing of others."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from avnet.errors import ModelFolderError

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

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """As they are stored: the features in half precision."""
        return {"features": self.features.astype(np.float16), "ordinary": np.ascontiguousarray(self.ordinary)}

    def trust(self, pooled: Float[np.ndarray, "n features"]) -> Float[np.ndarray, " n"]:
        """1 for images as ordinary as held-out ones, falling to 0 for images like no other."""
        share = np.searchsorted(self.ordinary, likeness(self.features, pooled), side="right") / len(self.ordinary)
        return np.minimum(share / ORDINARY, 1.0)


def read_familiarity(file: Path, arrays: Mapping[str, np.ndarray], image_features: int | None) -> Familiarity:
    """What `Familiarity.arrays` were taken from, checked.

    Args:
        file: that holds them, for refusals.
        arrays: by name.
        image_features: of the images; None for those of another network than the captioner's.

    Raises:
        ModelFolderError: they are missing, or of something else.
    """
    try:
        features, ordinary = arrays["features"].astype(np.float32), arrays["ordinary"].astype(np.float32)
    except (KeyError, ValueError) as error:
        raise ModelFolderError(file, f"is damaged ({error})") from None
    if features.ndim != 2 or not len(features) or image_features not in (None, features.shape[1]):
        raise ModelFolderError(file, "does not fit the describer's images")
    if ordinary.ndim != 1 or not len(ordinary) or not (np.diff(ordinary) >= 0).all():
        raise ModelFolderError(file, "holds similarities that are not in order")
    if not np.isfinite(features).all():
        raise ModelFolderError(file, "holds values out of range")
    return Familiarity(features, ordinary)


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
