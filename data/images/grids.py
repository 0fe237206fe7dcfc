"""What an image tower sees in the images of a corpus: computed once, kept beside them."""

from collections.abc import Iterator

import numpy as np

from avnet.backbones.backbone import Backbone
from avnet.media.image import center_squares
from avnet.program.progress import progress
from data.images.cache import cache_array
from data.images.corpus import ImageCorpus
from data.images.views import view_of

BATCH = 32


def grids_of(corpus: ImageCorpus, tower: Backbone, view: int = 0) -> np.ndarray:
    """float16 [images, rows, columns, features], of one of the views of each image, as of `view_of`."""
    suffix = f"-view-{view}" if view else ""
    name = f"grids-{tower.fingerprint[:16]}-{tower.image_size}{suffix}.npy"
    shape = (len(corpus.names), tower.cells, tower.cells, tower.features)

    def parts() -> Iterator[np.ndarray]:
        starts = range(0, len(corpus.names), BATCH)
        for start in progress(starts, "seeing", len(starts), "batches"):
            numbers = range(start, min(start + BATCH, len(corpus.names)))
            yield tower.grids([view_of(corpus.image(number), number, view) for number in numbers])

    return cache_array(corpus, name, shape, np.float16, parts)


def pooled_of(corpus: ImageCorpus, tower: Backbone) -> np.ndarray:
    """float32 [images, features], the mean of each grid."""
    grids = grids_of(corpus, tower)
    parts = [np.asarray(grids[i : i + 512], np.float32).mean(axis=(1, 2)) for i in range(0, len(grids), 512)]
    return np.concatenate(parts)


def squares_of(corpus: ImageCorpus, size: int) -> np.ndarray:
    """uint8 [images, size, size, 3], the squares in the middle."""

    def parts() -> Iterator[np.ndarray]:
        for number in progress(range(len(corpus.names)), "reading", len(corpus.names), "images"):
            yield center_squares([corpus.image(number)], size)

    return cache_array(corpus, f"squares-{size}.npy", (len(corpus.names), size, size, 3), np.uint8, parts)
