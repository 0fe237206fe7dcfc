"""Whether an image is like those that were learned from: a describer knows nothing of others."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from avnet.errors import ModelFolderError

NEAREST = 5
# Images less like the learned ones than this share of the held-out ones make a describer unsure, the more so the
# less they are.
ORDINARY = 0.05


@dataclass(frozen=True)
class Components:
    """Directions in which the features of images are told apart with few numbers.

    Attributes:
        basis: float16 [features, components], orthonormal columns.
        steps: float32 [components], what a step along each stands for.
    """

    basis: np.ndarray
    steps: np.ndarray

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Both by name."""
        return {name: np.ascontiguousarray(array) for name, array in vars(self).items()}

    def along(self, features: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n components"]:
        """What gives the inner product of features with others, times the steps of these along each component."""
        return (features @ self.basis.astype(np.float32)) * self.steps


@dataclass(frozen=True)
class Familiarity:
    """Images that were learned from, and how like them held-out ones are.

    Attributes:
        features: float32 [images, features], pooled grids of the image tower, unit length; with components, int8
            [images, components], steps along each of them.
        ordinary: float32 [q], ascending: likeness of held-out images.
        components: directions in which features are kept; None where they are whole.

    Reference: distance to the nearest training examples as in Sun et al., "Out-of-Distribution Detection with Deep
        Nearest Neighbors", 2022, section 3.
    """

    features: np.ndarray
    ordinary: np.ndarray
    components: Components | None = None

    @classmethod
    def of(cls, training: Float[np.ndarray, "n features"], held_out: Float[np.ndarray, "m features"]) -> "Familiarity":
        """Measures held-out images against learned ones; both pooled grids."""
        features = unit(training)
        return cls(features, np.sort(likeness(features, held_out)))

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """As they are stored: whole features in half precision."""
        ordinary = {"ordinary": np.ascontiguousarray(self.ordinary)}
        if self.components is None:
            return {"features": self.features.astype(np.float16), **ordinary}
        return {"features": np.ascontiguousarray(self.features), **self.components.arrays, **ordinary}

    @property
    def image_features(self) -> int:
        """Numbers of a pooled grid."""
        return self.features.shape[1] if self.components is None else len(self.components.basis)

    def likeness(self, pooled: Float[np.ndarray, "n features"]) -> Float[np.ndarray, " n"]:
        """How like the learned images others are: the mean cosine with the nearest few, as far as components tell."""
        return _mean_of_nearest(self._cosines(pooled))

    def nearest(self, pooled: Float[np.ndarray, " features"], count: int) -> Int[np.ndarray, " nearest"]:
        """Rows of the learned images that are most like another, nearest first; all of them, if there are fewer."""
        return np.argsort(-self._cosines(pooled[None])[0], kind="stable")[:count]

    def _cosines(self, pooled: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n images"]:
        if self.components is None:
            return unit(pooled) @ self.features.T
        return self.components.along(unit(pooled)) @ self.features.T.astype(np.float32)

    def trust(self, pooled: Float[np.ndarray, "n features"]) -> Float[np.ndarray, " n"]:
        """1 for images as ordinary as held-out ones, falling to 0 for images like no other."""
        share = np.searchsorted(self.ordinary, self.likeness(pooled), side="right") / len(self.ordinary)
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
    components = None
    try:
        features, ordinary = arrays["features"], arrays["ordinary"].astype(np.float32)
        if features.dtype == np.int8:
            components = Components(arrays["basis"].astype(np.float16), arrays["steps"].astype(np.float32))
        else:
            features = features.astype(np.float32)
    except (KeyError, ValueError) as error:
        raise ModelFolderError(file, f"is damaged ({error})") from None
    fits = features.ndim == 2 and len(features) > 0
    if fits and components is not None:
        fits = components.basis.shape[1:] == components.steps.shape == features.shape[1:]
    result = Familiarity(features, ordinary, components)
    if not fits or image_features not in (None, result.image_features):
        raise ModelFolderError(file, "does not fit the describer's images")
    if ordinary.ndim != 1 or not len(ordinary) or not (np.diff(ordinary) >= 0).all():
        raise ModelFolderError(file, "holds similarities that are not in order")
    numbers = [features, *(components.arrays.values() if components else ())]
    if not all(np.isfinite(array).all() for array in numbers):
        raise ModelFolderError(file, "holds values out of range")
    return result


def likeness(
    features: Float[np.ndarray, "n features"], pooled: Float[np.ndarray, "m features"]
) -> Float[np.ndarray, " m"]:
    """The mean cosine with the nearest few."""
    return _mean_of_nearest(unit(pooled) @ features.T)


def _mean_of_nearest(cosines: Float[np.ndarray, "m n"]) -> Float[np.ndarray, " m"]:
    nearest = min(NEAREST, cosines.shape[1])
    return np.partition(cosines, -nearest, axis=1)[:, -nearest:].mean(axis=1)


def unit(vectors: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n features"]:
    """Scaled to unit length; zero stays zero."""
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)).astype(np.float32)
