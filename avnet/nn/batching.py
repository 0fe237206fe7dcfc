"""Applies a jitted function to any number of examples by batches of few sizes, so that it compiles few times."""

from collections.abc import Callable, Iterator

import numpy as np


def batched(function: Callable, *arrays: np.ndarray, size: int = 64) -> np.ndarray:
    """What a function gives for examples, batch by batch.

    Args:
        function: of arrays with the examples along the first axis; example i of its result depends on example i alone.
        arrays: as many examples of each.
        size: examples in a batch. Few examples go in one batch of 1, 8, 16 or 32; what is missing is padded with
            zeros.

    Returns:
        The results one after the other.
    """
    return np.concatenate([np.asarray(function(*batch))[:n] for n, batch in _batches(arrays, size)])


def _batches(arrays: tuple[np.ndarray, ...], largest: int) -> Iterator[tuple[int, list[np.ndarray]]]:
    total = len(arrays[0])
    # A lone image is not padded to 64; a few sizes compile instead of one for each count.
    size = next((s for s in (1, 8, 16, 32) if total <= s < largest), largest)
    for start in range(0, max(total, 1), size):
        parts = [array[start : start + size] for array in arrays]
        n = len(parts[0])
        yield (
            n,
            [np.concatenate([p, np.zeros((size - n, *p.shape[1:]), p.dtype)]) if n < size else p for p in parts],
        )
