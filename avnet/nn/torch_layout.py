"""Arrays laid out as in PyTorch: kernels [out, in, (time,) height, width] and matrices [out, in]; ours are reversed.

All others are the same on both sides.
"""

import numpy as np

# By number of axes: which of ours is each of theirs, and the reverse.
_THEIRS = {2: (1, 0), 4: (3, 2, 0, 1), 5: (4, 3, 0, 1, 2)}
_OURS = {2: (1, 0), 4: (2, 3, 1, 0), 5: (2, 3, 4, 1, 0)}


def torch_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape there of an array of ours."""
    return tuple(shape[axis] for axis in _THEIRS.get(len(shape), range(len(shape))))


def torch_layout(array: np.ndarray) -> np.ndarray:
    """A copy, row by row in memory, of an array of ours as it is there."""
    return array.transpose(_THEIRS.get(array.ndim, range(array.ndim))).copy()


def our_layout(array: np.ndarray) -> np.ndarray:
    """A view of an array of theirs as it is here."""
    return array.transpose(_OURS.get(array.ndim, range(array.ndim)))
