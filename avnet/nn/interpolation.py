"""Interpolation along one axis as the product with a matrix, which is known when a program is compiled."""

from functools import cache

import numpy as np
from jaxtyping import Float32


@cache
def cubic_matrix(size: int, out_size: int, *, antialias: bool = False) -> Float32[np.ndarray, "out_size size"]:
    """Weights of cubic interpolation: as PyTorch's `interpolate(mode="bicubic", align_corners=False)` along one axis.

    Args:
        size: samples that there are.
        out_size: samples that are wanted.
        antialias: whether the kernel is widened where samples are left out. Its shape differs too (-.5 in place of
            -.75), and beyond the ends it is cut off; else the samples at the ends are repeated.

    Reference: Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981.
    """
    step = size / out_size
    centers = (np.arange(out_size)[:, None] + 0.5) * step - 0.5
    if antialias:
        weights = _cubic((np.arange(size) - centers) / max(step, 1.0), -0.5)
        return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    places = np.floor(centers).astype(int) + np.arange(-1, 3)
    matrix = np.zeros((out_size, size))
    # Several places beyond an end are the same sample.
    np.add.at(matrix, (np.arange(out_size)[:, None], places.clip(0, size - 1)), _cubic(places - centers, -0.75))
    return matrix.astype(np.float32)


def linear_matrix(size: int, out_size: int) -> Float32[np.ndarray, "out_size size"]:
    """Weights of linear interpolation, as PyTorch's `interpolate(mode="bilinear", align_corners=False)`."""
    centers = ((np.arange(out_size) + 0.5) * size / out_size - 0.5).clip(0, size - 1)
    return np.maximum(0.0, 1.0 - np.abs(np.arange(size) - centers[:, None])).astype(np.float32)


def _cubic(distance: np.ndarray, slope: float) -> np.ndarray:
    x = np.abs(distance)
    near = ((slope + 2) * x - (slope + 3)) * x**2 + 1
    far = slope * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
