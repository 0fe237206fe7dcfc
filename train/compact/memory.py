"""A shorter memory of a describer: the most typical recordings of each image."""

from collections.abc import Sequence

import numpy as np

from avnet.describer.folder import RetrievalMemory


def shorten(memory: RetrievalMemory, names: Sequence[str], most: int) -> tuple[RetrievalMemory, tuple[str, ...]]:
    """The recordings that are nearest to the mean of their image's, the same number for each image where possible.

    Args:
        memory: unit embeddings, some of each image.
        names: of all images.
        most: recordings that may stay; where there are more images, evenly spaced ones keep one each.

    Returns:
        The memory, in its order, and the names of the images that are left in it.
    """
    rank = typicality(memory)
    least = int(np.searchsorted(np.cumsum(np.bincount(rank)), most, side="right"))  # ranks that stay as a whole
    chosen = rank < least
    # Of the next rank as many as there is room for, from all over the memory.
    rest = np.flatnonzero(rank == least)
    chosen[rest[evenly(len(rest), most - int(chosen.sum()))]] = True
    images, image = np.unique(memory.image[chosen], return_inverse=True)
    parts = (memory.embeddings[chosen], memory.pieces[chosen], image.astype(np.int64), memory.learned[chosen])
    return RetrievalMemory(*parts), tuple(names[int(i)] for i in images)


def typicality(memory: RetrievalMemory) -> np.ndarray:
    """The rank of each recording among those of its image by nearness to their mean, int64 [recordings], from 0."""
    _, image, counts = np.unique(memory.image, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), memory.embeddings.shape[1]), np.float32)
    np.add.at(sums, image, memory.embeddings)
    # The length of the mean is the same for all recordings of an image.
    nearness = np.einsum("re,re->r", memory.embeddings, sums[image])
    order = np.lexsort((-nearness, image))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank


def evenly(count: int, most: int) -> np.ndarray:
    """Numbers below `count` at even distances, from 0 on, at most so many: int64."""
    return np.arange(min(count, most)) * count // max(1, min(count, most))
