"""Convolution by the quickest way to the same numbers."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from avnet.nn import winograd

# Images, places of one and weights between two of its places from which on `winograd` is quicker, by measurement on
# two cores with AVX-512. With 32 to 512 channels XLA's convolutions reach 100 to 200 GFLOP/s and `winograd` 130 to 400;
# its gradients by the kernel 40 to 190, these 90 to 320. With 16 channels there is nothing in it, and for a few images
# compiling it (.5 s) takes longer than it saves.
IMAGES, PLACES, WEIGHTS = 16, 12 * 12, 32 * 32


def convolve(
    inputs: Float[Array, "batch height width in_channel"],
    kernel: Float[Array, "rows columns in_channel out_channel"],
    strides: tuple[int, ...],
    padding: Any,
    **options: Any,
) -> Float[Array, "batch out_height out_width out_channel"]:
    """`jax.lax.conv_general_dilated`, for `nnx.Conv(conv_general_dilated=convolve)`.

    3x3 convolutions with stride 1 and padding "SAME" are done by `winograd` on a single CPU. With several devices XLA
    divides its own, and so it does a batch whose size is not known when it compiles.
    """
    if (
        (kernel.shape[:2], tuple(strides), padding, inputs.dtype) == ((3, 3), (1, 1), "SAME", jnp.float32)
        and isinstance(inputs.shape[0], int)
        and inputs.shape[0] >= IMAGES
        and inputs.shape[1] * inputs.shape[2] >= PLACES
        and kernel.shape[2] * kernel.shape[3] >= WEIGHTS
        and jax.default_backend() == "cpu"
        and jax.device_count() == 1
    ):
        return _winograd(inputs, kernel)
    return jax.lax.conv_general_dilated(inputs, kernel, strides, padding, **options)


def convolve3d(
    inputs: Float[Array, "batch time height width in_channel"],
    kernel: Float[Array, "3 rows columns in_channel out_channel"],
    strides: tuple[int, ...],
    padding: Any,
    **options: Any,
) -> Float[Array, "batch out_time out_height out_width out_channel"]:
    """As `jax.lax.conv_general_dilated` over three sides with padding "SAME", as convolutions over two.

    On a CPU what is near in time becomes channels of an image: XLA's own take three to seven times as long there.
    """
    if jax.default_backend() != "cpu":
        return jax.lax.conv_general_dilated(inputs, kernel, strides, padding, **options)
    assert padding == "SAME" and kernel.shape[0] == 3
    batch, time, *size = inputs.shape
    stride = strides[0]
    count = -(-time // stride)
    # As "SAME" pads: what is odd comes last.
    missing = max((count - 1) * stride + 3 - time, 0)
    padded = jnp.pad(inputs, ((0, 0), (missing // 2, missing - missing // 2), (0, 0), (0, 0), (0, 0)))
    near = [padded[:, i : i + (count - 1) * stride + 1 : stride] for i in range(3)]
    images = jnp.concatenate(near, axis=-1).reshape(batch * count, *size[:2], 3 * size[2])
    flat = jnp.moveaxis(kernel, 0, 2).reshape(*kernel.shape[1:3], 3 * size[2], kernel.shape[-1])
    options["dimension_numbers"] = ("NHWC", "HWIO", "NHWC")
    ones = dict.fromkeys(("lhs_dilation", "rhs_dilation"), (1, 1))
    result = convolve(images, flat, strides[1:], padding, **{**options, **ones})
    return result.reshape(batch, count, *result.shape[1:])


@jax.custom_vjp
def _winograd(inputs: Array, kernel: Array) -> Array:
    return winograd.convolve(inputs, kernel)


def _forward(inputs: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _winograd(inputs, kernel), (inputs, kernel)


def _backward(residuals: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    inputs, kernel = residuals
    return winograd.inputs_gradient(gradient, kernel), winograd.kernel_gradient(inputs, gradient)


_winograd.defvjp(_forward, _backward)
