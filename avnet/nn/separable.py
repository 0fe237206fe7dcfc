"""Convolutions of each channel alone and of each place alone, and the padding of TensorFlow.

Either is written as what it is: XLA's own convolution of one channel each takes 10 to 20 times as long on a CPU as the
sum of shifted maps, and that of one place each up to twice as long as the product of two matrices.
"""

import itertools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Sides = tuple[tuple[int, int], tuple[int, int]]


def same_sides(height: int, width: int, kernel_size: int, stride: int) -> Sides:
    """Rows above and below, columns left and right, that TensorFlow's "SAME" adds.

    As little as lets size / stride windows, rounded up, fit; an odd total below and to the right.
    """
    rows, columns = (max(0, (-(-size // stride) - 1) * stride + kernel_size - size) for size in (height, width))
    return ((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2))


def depthwise(
    x: Float[Array, "batch height width channel"],
    kernel: Float[Array, "rows columns 1 channel"],
    stride: int,
    sides: Sides,
) -> Float[Array, "batch out_height out_width channel"]:
    """The convolution of each channel with its own kernel.

    Args:
        x: maps.
        kernel: one for each channel.
        stride: in rows and in columns.
        sides: zeros to add above and below, left and right.
    """
    # Written out before it is read: fused into the sum, each of its terms would ask whether it lies in the padding.
    x = jax.lax.optimization_barrier(jnp.pad(x, ((0, 0), *sides, (0, 0))))
    rows, columns = kernel.shape[:2]
    height, width = x.shape[1] - rows + 1, x.shape[2] - columns + 1
    total = jnp.zeros((), x.dtype)
    for i, j in itertools.product(range(rows), range(columns)):
        total = total + x[:, i : i + height : stride, j : j + width : stride] * kernel[i, j]
    return total


def pointwise(
    x: Float[Array, "batch height width in_channel"], kernel: Float[Array, "1 1 in_channel out_channel"]
) -> Float[Array, "batch height width out_channel"]:
    """The convolution with a kernel of one row and one column."""
    return x @ kernel[0, 0]
