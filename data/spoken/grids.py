"""What an image tower sees in the pictures of a spoken corpus: computed once, kept beside them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avnet.backbone import Backbone
from avnet.cli.progress import progress
from avnet.whole import whole_file
from data.spoken.packed import SpokenCorpus

BATCH = 32


def grids_of(corpus: SpokenCorpus, tower: Backbone) -> np.ndarray:
    """float16 [pictures, rows, columns, features], read from a file as it is asked for."""
    return np.load(_computed(corpus, tower), mmap_mode="r")


def pooled_of(corpus: SpokenCorpus, tower: Backbone) -> np.ndarray:
    """float32 [pictures, features], the mean of each grid."""
    grids = grids_of(corpus, tower)
    parts = [np.asarray(grids[i : i + 512], np.float32).mean(axis=(1, 2)) for i in range(0, len(grids), 512)]
    return np.concatenate(parts)


def _computed(corpus: SpokenCorpus, tower: Backbone) -> Path:
    file = corpus.folder / f"grids-{tower.fingerprint[:16]}.npy"
    if file.is_file():
        return file
    with whole_file(file) as temporary:
        parts = _grids(corpus, tower)
        first = next(parts)
        shape = (len(corpus.names), *first.shape[1:])
        grids = np.lib.format.open_memmap(temporary, "w+", np.float16, shape)
        grids[: len(first)] = first
        at = len(first)
        for part in parts:
            grids[at : at + len(part)] = part
            at += len(part)
        grids.flush()
    return file


def _grids(corpus: SpokenCorpus, tower: Backbone) -> Iterator[np.ndarray]:
    starts = range(0, len(corpus.names), BATCH)
    for start in progress(starts, "seeing", len(starts), "batches"):
        numbers = range(start, min(start + BATCH, len(corpus.names)))
        yield tower.grids([corpus.picture(number) for number in numbers]).astype(np.float16)
