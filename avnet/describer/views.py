"""What a describer sees of images: features of their places for the captioner, and where they lie in the space."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.features import OF_GRIDS, Box, ImageFeatures, Regions, grid_features
from avnet.captioners.region_files.region_file import RegionFile
from avnet.describer.show_and_speak.config import ShowAndSpeakConfig
from avnet.errors import DataError, OptionError
from avnet.speech_space.space import SpeechSpace


class Views(NamedTuple):
    """What a describer sees of images.

    Attributes:
        features: of their places, for the captioner; boxes are shares of whole images.
        pooled: float32 [n, features], means of the grids of the space's image tower.
        embeddings: float32 [n, embedding], in the space.
    """

    features: ImageFeatures
    pooled: np.ndarray
    embeddings: np.ndarray

    def select(self, images: slice) -> "Views":
        """Those of some images."""
        return Views(self.features.select(images), self.pooled[images], self.embeddings[images])


def views_of(
    images: Sequence[np.ndarray],
    space: SpeechSpace,
    regions: Regions,
    file: RegionFile | None,
    names: Sequence[str | None] | None,
    region: Box | None,
) -> Views:
    """What is seen of images.

    Args:
        images: uint8 RGB [height, width, 3].
        space: with its image tower.
        regions: which places the captioner sees.
        file: of regions, where it sees those.
        names: of the images, by which that file is asked.
        region: the only part that is seen, as shares of the image; also where in the space an image lies is told from
            that part alone.

    Raises:
        OptionError: there is no file of regions, or an image has no name.
        DataError: the file has no usable regions of an image.
    """
    sizes = [(int(image.shape[1]), int(image.shape[0])) for image in images]
    grids = space.image_tower.grids(images)
    of_file = regions == "file"
    features = regions_of(file, names, sizes) if of_file else OF_GRIDS[regions](grids).of_squares_in(sizes)
    if region is None:
        return Views(features, grids.mean(axis=(1, 2)), space.embed_grids(grids))
    cells = grid_features(grids).of_squares_in(sizes).within(region)
    weights = cells.mask / cells.mask.sum(axis=1, keepdims=True)
    pooled = np.einsum("np,npf->nf", weights, cells.cells).astype(np.float32)
    return Views(features.within(region), pooled, space.embed_grids(pooled[:, None, None]))


def regions_of(
    file: RegionFile | None, names: Sequence[str | None] | None, sizes: Sequence[tuple[int, int]] | None
) -> ImageFeatures:
    """Regions of images, for a captioner that sees those of a file.

    Args:
        file: of regions.
        names: of the images, by which it is asked.
        sizes: width and height of each image, pixels; None as of `RegionFile.of`.

    Raises:
        OptionError: there is no file, or an image has no name.
        DataError: the file has no usable regions of an image.
    """
    if file is None or names is None or None in names:
        raise OptionError("regions", "are needed, and the names of images: this describer sees regions of them")
    return file.of([str(name) for name in names], sizes)


def regions_for(config: CaptionerConfig | ShowAndSpeakConfig, path: str | Path | None) -> RegionFile | None:
    """The file of regions that a network sees, or none where it sees none.

    Raises:
        OptionError: it needs one and there is none, or the other way round.
        DataError: the file cannot be used, or has other features than those that it learned from.
    """
    if config.regions != "file":
        if path is not None:
            what = "windows over a grid" if config.regions == "windows" else "cells of a grid"
            raise OptionError(
                "regions", f"goes with a describer that learned from a file of them; this one sees {what}"
            )
        return None
    if path is None:
        raise OptionError(
            "regions", "is missing: this describer learned from regions; name a file of those of the images"
        )
    regions = RegionFile(path)
    if regions.features != config.image_features:
        width = f"{regions.features} features, the describer learned from {config.image_features}"
        raise DataError(path, f"does not fit the describer: its regions have {width}")
    return regions
