"""Batches in parts: of few sizes, so that little is compiled; or small, so that what lies between layers stays near."""

from collections.abc import Callable, Iterator

import jax
import numpy as np
from jaxtyping import Array


def batched(function: Callable, *arrays: np.ndarray, size: int = 64) -> np.ndarray:
    """What a function gives for examples, batch by batch.

    Args:
        function: of arrays with the examples along the first axis; example i of its result depends on example i alone.
        arrays: as many examples of each.
        size: examples in a batch, at most. All batches are equally large, which leaves little to pad with zeros.

    Returns:
        The results one after the other.
    """
    return np.concatenate([np.asarray(function(*batch))[:n] for n, batch in _batches(arrays, size)])


def batch_size(total: int, largest: int) -> int:
    """Examples in each of the fewest equal batches of at most `largest`: 1, or one of eight sizes, since each compiles.

    Example:
        >>> batch_size(20, largest=16), batch_size(20, largest=64), batch_size(1, largest=64)
        (10, 24, 1)
    """
    if total <= 1:
        return 1
    step = max(1, largest // 8)
    batches = -(-total // largest)
    return min(largest, -(-total // (batches * step)) * step)


def by_parts(function: Callable[[Array], Array], examples: Array, size: int) -> Array:
    """What a function gives for examples, part by part within one program; on a single CPU alone.

    Maps between layers that take tens of megabytes are written to fresh pages of memory and read from there, each time.

    Args:
        function: of a batch; example i of its result depends on example i alone.
        examples: a batch.
        size: examples in a part, at most; fewer where that divides the batch.
    """
    count = examples.shape[0]
    # An exported program may have a batch of any size, and devices divide a batch among them.
    if not isinstance(count, int) or count <= size or jax.default_backend() != "cpu" or jax.device_count() > 1:
        return function(examples)
    size = max(divisor for divisor in range(1, size + 1) if count % divisor == 0)
    results = jax.lax.map(function, examples.reshape(count // size, size, *examples.shape[1:]))
    return results.reshape(count, *results.shape[2:])


def _batches(arrays: tuple[np.ndarray, ...], largest: int) -> Iterator[tuple[int, list[np.ndarray]]]:
    total = len(arrays[0])
    size = batch_size(total, largest)
    for start in range(0, max(total, 1), size):
        parts = [array[start : start + size] for array in arrays]
        n = len(parts[0])
        yield (
            n,
            [np.concatenate([p, np.zeros((size - n, *p.shape[1:]), p.dtype)]) if n < size else p for p in parts],
        )
