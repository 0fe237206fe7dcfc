"""Convolution whose gradient by the kernel does not crawl on a CPU."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Bytes of input and gradient that are worked on at once, about what a core's cache holds.
BLOCK = 1_500_000
# Places of an output, and weights between two of them, from which on blocks are quicker. With 64 or 128 channels XLA's
# own gradient reached 37 to 60 GFLOP/s at 112 x 112 and 56 x 56, blocks 85 to 150; at 14 x 14 both reach 160, and with
# 16 or 32 channels both some 50 to 80.
PLACES, WEIGHTS = 600, 64 * 64


def convolve(
    inputs: Float[Array, "batch height width in_channel"],
    kernel: Float[Array, "rows columns in_channel out_channel"],
    strides: tuple[int, ...],
    padding: Any,
    **options: Any,
) -> Float[Array, "batch out_height out_width out_channel"]:
    """`jax.lax.conv_general_dilated`, for `nnx.Conv(conv_general_dilated=convolve)`.

    3x3 convolutions with stride 1 and padding "SAME" get `kernel_gradient` for a gradient on a single CPU. With
    several devices XLA divides its own.
    """
    plain = functools.partial(jax.lax.conv_general_dilated, window_strides=strides, padding=padding, **options)
    blocks = (
        (kernel.shape[:2], tuple(strides), padding, inputs.dtype) == ((3, 3), (1, 1), "SAME", jnp.float32)
        and inputs.shape[1] * inputs.shape[2] >= PLACES
        and kernel.shape[2] * kernel.shape[3] >= WEIGHTS
        and jax.default_backend() == "cpu"
        and jax.device_count() == 1
    )
    return _convolve_3x3(inputs, kernel) if blocks else plain(inputs, kernel)


def kernel_gradient(
    inputs: Float[Array, "batch height width in_channel"], gradient: Float[Array, "batch height width out_channel"]
) -> Float[Array, "3 3 in_channel out_channel"]:
    """The gradient of a 3x3 convolution (stride 1, SAME) by its kernel, block by block.

    A block is some rows of one image, or several whole images. For each of the three horizontal shifts it is a
    one-dimensional convolution with as many channels as there are columns in the block: long scalar products over
    numbers that are still in the cache.

    Args:
        inputs: of the convolution.
        gradient: of the loss by its outputs.
    """
    batch, height, width, _ = gradient.shape
    row_bytes = 4 * width * (inputs.shape[3] + gradient.shape[3])
    strips = -(-height * row_bytes // BLOCK)
    rows = -(-height // strips)
    images = _divisor(batch, BLOCK // (height * row_bytes))
    beyond = strips * rows - height
    inputs = jnp.pad(inputs, ((0, 0), (1, 1 + beyond), (1, 1), (0, 0)))
    gradient = jnp.pad(gradient, ((0, 0), (0, beyond), (0, 0), (0, 0)))

    def add(total: Array, number: Array) -> tuple[Array, None]:
        start = (number // strips * images, number % strips * rows, 0, 0)
        above = jax.lax.dynamic_slice(inputs, start, (images, rows + 2, *inputs.shape[2:]))
        below = jax.lax.dynamic_slice(gradient, start, (images, rows, *gradient.shape[2:]))
        return total + _of_block(above, below), None

    total = jnp.zeros((3, 3, inputs.shape[3], gradient.shape[3]))
    return jax.lax.scan(add, total, jnp.arange(batch // images * strips))[0]


@jax.custom_vjp
def _convolve_3x3(inputs: Array, kernel: Array) -> Array:
    return jax.lax.conv_general_dilated(inputs, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _forward(inputs: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _convolve_3x3(inputs, kernel), (inputs, kernel)


def _backward(kept: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    inputs, kernel = kept
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    return _convolve_3x3(gradient, turned), kernel_gradient(inputs, gradient)


_convolve_3x3.defvjp(_forward, _backward)


def _of_block(inputs: Array, gradient: Array) -> Array:
    images, rows, width, features = gradient.shape
    inputs = inputs.transpose(3, 1, 0, 2)
    gradient = gradient.transpose(1, 0, 2, 3).reshape(rows, images * width, features)
    shifted = [inputs[..., shift : shift + width].reshape(*inputs.shape[:2], -1) for shift in range(3)]
    columns = [
        jax.lax.conv_general_dilated(part, gradient, (1,), "VALID", dimension_numbers=("NHC", "HIO", "NHC"))
        for part in shifted
    ]
    return jnp.stack(columns).transpose(2, 0, 1, 3)


def _divisor(number: int, most: int) -> int:
    return max(divisor for divisor in range(1, max(1, min(number, most)) + 1) if number % divisor == 0)
