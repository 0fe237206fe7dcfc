import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from avnet.backbones.tower import ConvBlock
from avnet.nn import convolution, winograd
from avnet.nn.convolution import convolve

OPTIONS = {"dimension_numbers": ("NHWC", "HWIO", "NHWC")}
plain = functools.partial(jax.lax.conv_general_dilated, window_strides=(1, 1), padding="SAME", **OPTIONS)
SHAPES = [(4, 9, 7, 3, 5), (3, 8, 8, 2, 2), (1, 1, 1, 1, 1), (6, 5, 1, 4, 3), (12, 2, 3, 4, 4)]


def test_a_tile_by_hand():
    image = jnp.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    # The output is the pixel above, three times the pixel, and ten times the pixel to the right.
    kernel = jnp.zeros((3, 3, 1, 1)).at[0, 1].set(1.0).at[1, 1].set(3.0).at[1, 2].set(10.0)
    result = winograd.convolve(image, kernel)[0, ..., 0]
    np.testing.assert_array_equal(result, [[3 + 20, 6], [1 + 9 + 40, 2 + 12]])


def test_gradient_of_a_kernel_by_hand():
    image = jnp.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    gradient = jnp.zeros((1, 2, 2, 1)).at[0, 1, 0, 0].set(10.0)
    result = winograd.kernel_gradient(image, gradient)[..., 0, 0]
    # The output in row 1, column 0 saw rows 0 to 2 and columns -1 to 1 of the image.
    np.testing.assert_array_equal(result, 10.0 * np.array([[0, 1, 2], [0, 3, 4], [0, 0, 0]]))


@pytest.mark.parametrize("block", [1, 20_000, 10_000_000])
@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_of_any_size_give_the_convolution_and_its_gradients(monkeypatch, block, shape):
    monkeypatch.setattr(winograd, "BLOCK", block)
    batch, height, width, into, out = shape
    rng = np.random.default_rng(0)
    inputs, kernel, gradient = (
        jnp.asarray(rng.normal(size=size), jnp.float32)
        for size in [(batch, height, width, into), (3, 3, into, out), (batch, height, width, out)]
    )
    expected, pull = jax.vjp(plain, inputs, kernel)
    by_inputs, by_kernel = pull(gradient)
    for result, right in [
        (winograd.convolve(inputs, kernel), expected),
        (winograd.inputs_gradient(gradient, kernel), by_inputs),
        (winograd.kernel_gradient(inputs, gradient), by_kernel),
    ]:
        np.testing.assert_allclose(result, right, atol=3e-6 * float(jnp.abs(right).max()))


def block_and_loss(monkeypatch):
    """A layer whose convolution counts the blocks' calls, its parameters, and what it is differentiated by."""
    calls = []
    for name in "convolve", "inputs_gradient", "kernel_gradient":
        one = getattr(winograd, name)
        monkeypatch.setattr(winograd, name, lambda *given, one=one, name=name: calls.append(name) or one(*given))
    graph, params, stats = nnx.split(ConvBlock(32, 32, rngs=nnx.Rngs(0)), nnx.Param, ...)

    def loss(params, inputs):
        return jnp.square(nnx.merge(graph, params, stats, copy=True)(inputs)).sum()

    return calls, params, loss


def test_large_layers_go_by_winograd_and_have_the_gradients_of_others(monkeypatch):
    calls, params, loss = block_and_loss(monkeypatch)
    inputs = jnp.asarray(np.random.default_rng(1).normal(size=(16, 14, 13, 32)), jnp.float32)
    result = jax.value_and_grad(loss, argnums=(0, 1))(params, inputs)
    assert calls == ["convolve", "inputs_gradient", "kernel_gradient"]
    monkeypatch.setattr(convolution, "PLACES", 14 * 13 + 1)
    expected = jax.value_and_grad(loss, argnums=(0, 1))(params, inputs)
    assert len(calls) == 3
    # That by the bias is nought but for rounding, so that all are held to the largest.
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(expected[1]))
    for one, other in zip(jax.tree.leaves(result), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * largest)


@pytest.mark.parametrize("size", [(15, 14, 14, 32), (16, 12, 11, 32)])
def test_few_images_and_small_ones_are_left_to_xla(monkeypatch, size):
    calls, params, loss = block_and_loss(monkeypatch)
    jax.grad(loss)(params, jnp.ones(size))
    assert calls == []


@pytest.mark.parametrize(
    ("shape", "strides", "dtype"),
    [
        ((3, 3, 64, 64), (2, 2), jnp.float32),
        ((3, 3, 64, 64), (1, 1), jnp.bfloat16),
        ((1, 1, 64, 64), (1, 1), jnp.float32),
        ((3, 3, 16, 63), (1, 1), jnp.float32),
    ],
)
def test_other_convolutions_are_left_alone(monkeypatch, shape, strides, dtype):
    monkeypatch.setattr(convolution, "winograd", None)
    inputs = jnp.ones((16, 30, 30, shape[2]), dtype)
    total = lambda kernel: convolve(inputs, kernel, strides, "SAME", **OPTIONS).astype(jnp.float32).sum()  # noqa: E731
    assert jax.grad(total)(jnp.ones(shape, dtype)).shape == shape


def test_a_batch_of_unknown_size_is_left_alone(monkeypatch):
    monkeypatch.setattr(convolution, "winograd", None)
    (batch,) = jax.export.symbolic_shape("batch")
    inputs = jax.ShapeDtypeStruct((batch, 30, 30, 64), jnp.float32)
    kernel = jax.ShapeDtypeStruct((3, 3, 64, 64), jnp.float32)
    program = jax.export.export(jax.jit(lambda x, k: convolve(x, k, (1, 1), "SAME", **OPTIONS)))(inputs, kernel)
    assert program.out_avals[0].shape[1:] == (30, 30, 64)
