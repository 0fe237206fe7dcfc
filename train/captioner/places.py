"""What a captioner learns from of the images of a corpus: cells of a grid, windows over it, or regions of a file."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from avnet.backbones.backbone import Backbone
from avnet.captioners.features import OF_GRIDS, ImageFeatures, Regions
from avnet.captioners.region_files.region_file import RegionFile
from avnet.errors import ConfigError, TrainingError
from data.images.corpus import ImageCorpus
from data.images.grids import grids_of

# Images whose features are measured, at most; those that are read at once; the least deviation that tells something.
MEASURED, BATCH, LEAST_DEVIATION = 2000, 64, 1e-4


@runtime_checkable
class Places(Protocol):
    """Features of places of images, by the numbers of these.

    Attributes:
        regions: what the places are.
        features: of each place.
        views: of each image that there are.
    """

    regions: Regions
    features: int
    views: int

    def of(self, images: np.ndarray, views: np.ndarray | None = None) -> ImageFeatures:
        """Those of some images, of one shape whichever they are.

        Args:
            images: their numbers.
            views: the view of each, from 0; None is the image as it is.
        """
        ...


class GridPlaces:
    """Of the grids of a backbone, which are computed once for all runs.

    Args:
        grids: of all images, float [images, rows, columns, features]; of each view, the images as they are first.
        regions: one of `OF_GRIDS`.
    """

    def __init__(self, grids: Sequence[np.ndarray], regions: Regions):
        self._grids, self.views = grids, len(grids)
        self._of_grids: Callable[[np.ndarray], ImageFeatures] = OF_GRIDS[regions]
        self.regions: Regions = regions
        self.features = int(grids[0].shape[-1])

    def of(self, images: np.ndarray, views: np.ndarray | None = None) -> ImageFeatures:
        """Those of some images."""
        if views is None:
            return self._of_grids(self._grids[0][images])
        return self._of_grids(np.stack([self._grids[view][image] for image, view in zip(images, views, strict=True)]))


class FilePlaces:
    """Of a file of regions.

    Args:
        file: the regions.
        names: of all images of the corpus.

    Raises:
        TrainingError: there are images of which it has no regions.
    """

    regions: Regions = "file"
    views = 1

    def __init__(self, file: RegionFile, names: tuple[str, ...]):
        if unknown := [name for name in names if name not in file]:
            reason = f"has no regions of {len(unknown)} of {len(names)} images, such as {unknown[0]!r}"
            raise TrainingError(file.path, reason)
        self._file, self._names = file, names
        self.features = file.features
        # Of all images, or the shapes of batches would differ, and each be compiled.
        self._most = file.most(names)

    def of(self, images: np.ndarray, views: np.ndarray | None = None) -> ImageFeatures:
        """Those of some images, of which there is one view."""
        return self._file.of([self._names[image] for image in images], least=self._most)


def moments_of(places: Places, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each feature over the places of images, float32 [features]; the deviation is above 0.

    Args:
        places: of the images.
        images: their numbers; of many, some are enough.
    """
    some = images[:: -(-len(images) // MEASURED)]
    count, total, squares = 0, np.zeros(places.features), np.zeros(places.features)
    for start in range(0, len(some), BATCH):
        seen = places.of(some[start : start + BATCH])
        cells = np.asarray(seen.cells[seen.mask], np.float64)
        count, total, squares = count + len(cells), total + cells.sum(axis=0), squares + np.square(cells).sum(axis=0)
    mean = total / max(count, 1)
    deviation = np.sqrt(np.maximum(squares / max(count, 1) - np.square(mean), 0.0))
    # A feature that is always the same tells nothing, and must not be divided by almost nothing.
    return mean.astype(np.float32), np.where(deviation > LEAST_DEVIATION, deviation, 1.0).astype(np.float32)


def open_places(regions: str, corpus: ImageCorpus, tower: Backbone, views: int = 1) -> Places:
    """The places that an option names.

    Args:
        regions: one of `OF_GRIDS`, of the grids of a backbone; otherwise the path of a file of regions.
        corpus: of which the images are.
        tower: the backbone.
        views: of each image.

    Raises:
        ConfigError: several views are asked for of regions of a file.
        DataError: the file cannot be used.
        TrainingError: it lacks images of the corpus.
    """
    if regions in OF_GRIDS:
        return GridPlaces([grids_of(corpus, tower, view) for view in range(views)], regions)
    if views > 1:
        raise ConfigError("--views", "must be 1 where --regions is a file, which has one view of each image")
    return FilePlaces(RegionFile(regions), corpus.names)
