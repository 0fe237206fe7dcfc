"""Finer heatmaps: an image seen at several sizes and in a mirror, and where objects are, whatever sounds.

Maps are float32 [rows, columns, maps], several of one image side by side, the last of them its energy: how strongly the
image tower alone answers in each cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from avnet.errors import ConfigError, OptionError
from avnet.media.image import enlarge

if TYPE_CHECKING:
    from avnet.correspondence.config import ModelConfig

# A size takes memory by its square; beyond this a cell sees too little to tell what it is a part of.
MAX_SCALE = 4


@dataclass(frozen=True)
class Refinement:
    """How often an image is seen for a heatmap, and what is known of it beside the sound.

    Example:
        >>> from avnet.correspondence.heatmaps.refinement import Refinement
        >>> Refinement(flips=True, object_prior=0.4).scales
        ()
    """

    fine: bool | None = None
    """Look at images at twice their size too: finer heatmaps, for about five times the work. Default: for models made
    of classifiers, as base is."""
    scales: tuple[int, ...] = ()
    """Short sides in pixels at which images are looked at, in place of --fine, as in `--scales 224 320 448`: the
    heatmap has the cells of the largest and is the mean over all, in which a size weighs by its inverse. Default: as
    --fine says."""
    flips: bool = False
    """Look at images in a mirror too and take the mean of both heatmaps, for twice the work."""
    object_prior: float = 0.0
    """Weight in [0, 1] of where objects are, by the energy of the image network alone, beside where the sound comes
    from; the published method (EZ-VSL) takes 0.6. It moves what is highlighted, and makes nothing brighter."""

    def __post_init__(self):
        if not 0.0 <= self.object_prior <= 1.0:
            raise OptionError("object_prior", f"must be a weight from 0 to 1, got {self.object_prior:g}")
        if self.scales and self.fine is not None:
            raise OptionError("scales", "cannot go with --fine or --no-fine, which are choices of scales too")
        if len(set(self.scales)) != len(self.scales):
            raise OptionError("scales", f"must be different sizes, got {' '.join(map(str, self.scales))}")

    def sizes(self, config: "ModelConfig") -> tuple[int, ...]:
        """Short sides at which a model sees images, pixels.

        Raises:
            OptionError: its image network cannot take one.
        """
        own = config.image_size
        if not self.scales:
            return (own, 2 * own) if (config.kind.named if self.fine is None else self.fine) else (own,)
        for size in self.scales:
            if size > MAX_SCALE * own:
                raise OptionError(
                    "scales", f"must be at most {MAX_SCALE * own}, {MAX_SCALE} times the model's, got {size}"
                )
            try:
                replace(config, image_size=size, vision=config.vision and replace(config.vision, image_size=size))
            except ConfigError as error:
                raise OptionError("scales", f"cannot be {size} for this model: {error.reason}") from None
        return self.scales


def combine(
    views: Sequence[Sequence[Float[np.ndarray, "_ _ _"]]], sizes: Sequence[int], object_prior: float
) -> Float[np.ndarray, "rows columns maps"]:
    """One image's maps, all but the energy, of all times that it was seen.

    Args:
        views: of the image, and where it was seen in a mirror of that: its maps at each size, the energy last.
        sizes: short sides, pixels.
        object_prior: weight of the energy.
    """
    seen = [mean_over_sizes(maps, sizes) for maps in views]
    maps = seen[0] if len(seen) == 1 else mean_with_mirrored(*seen)
    return with_object_prior(maps[..., :-1], maps[..., -1], object_prior)


def mean_over_sizes(
    maps: Sequence[Float[np.ndarray, "_ _ maps"]], sizes: Sequence[int]
) -> Float[np.ndarray, "rows columns maps"]:
    """One image's maps at several sizes as one, with the cells of the largest.

    A size weighs by its inverse, since the larger an image, the less of what is around it does a cell show.
    """
    largest = int(np.argmax(sizes))
    total = sum(sizes[largest] / size for size in sizes)
    enlarged = [_enlarge(grids, *maps[largest].shape[:2]) for grids in maps]
    weighted = [sizes[largest] / size * grids for grids, size in zip(enlarged, sizes, strict=True)]
    return np.sum(weighted, axis=0) / total


def mean_with_mirrored(
    maps: Float[np.ndarray, "rows columns maps"], mirrored: Float[np.ndarray, "rows columns maps"]
) -> Float[np.ndarray, "rows columns maps"]:
    """The mean of one image's maps and of those of its mirror image, turned back."""
    return (maps + mirrored[:, ::-1]) / 2


def with_object_prior(
    maps: Float[np.ndarray, "rows columns maps"], energy: Float[np.ndarray, "rows columns"], weight: float
) -> Float[np.ndarray, "rows columns maps"]:
    """Each map mixed with where objects are.

    The energy is scaled to the range of each map, from its least to its greatest probability. Up to that range the
    result is that of the paper, which scales both to [0, 1] and judges place alone; so scaled, a map remains one of
    probabilities, and dark where nothing makes the sound.

    Args:
        maps: probabilities.
        energy: of the image tower, at least 0.
        weight: of the energy: 0 leaves the maps as they are, 1 leaves nothing of them but their range. The paper's
            alpha, 0.4, is the weight of the other part.

    Reference: Mo and Morgado, "Localizing Visual Sounds the Easy Way", 2022 (object-guided localization). There the
    energy is that of a network of ImageNet beside the one that was trained; here it is that of the model's own tower,
    which for a model made of classifiers is such a network.
    """
    least, greatest = maps.min(axis=(0, 1)), maps.max(axis=(0, 1))
    spread = energy.max() - energy.min()
    # Where the tower answers alike everywhere there is no object.
    objects = (energy - energy.min()) / spread if spread > 0 else np.zeros_like(energy)
    return (1 - weight) * maps + weight * (least + (greatest - least) * objects[..., None])


def _enlarge(maps: np.ndarray, rows: int, columns: int) -> np.ndarray:
    if maps.shape[:2] == (rows, columns):
        return maps
    return np.stack([enlarge(maps[..., i], rows, columns) for i in range(maps.shape[-1])], axis=-1)
