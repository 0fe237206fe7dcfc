import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from avnet.models import convolution
from avnet.models.convolution import convolve, kernel_gradient
from avnet.models.tower import ConvBlock

plain = functools.partial(
    jax.lax.conv_general_dilated,
    window_strides=(1, 1),
    padding="SAME",
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
)


def test_gradient_of_a_kernel_by_hand():
    picture = jnp.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    gradient = jnp.zeros((1, 2, 2, 1)).at[0, 1, 0, 0].set(10.0)
    found = kernel_gradient(picture, gradient)[..., 0, 0]
    # The output in row 1, column 0 saw rows 0 to 2 and columns -1 to 1 of the picture.
    np.testing.assert_array_equal(found, 10.0 * np.array([[0, 1, 2], [0, 3, 4], [0, 0, 0]]))


@pytest.mark.parametrize("block", [1, 3000, 20_000, 10_000_000])
@pytest.mark.parametrize("shape", [(4, 9, 7, 3, 5), (3, 8, 8, 2, 2), (1, 1, 1, 1, 1), (6, 5, 1, 4, 3)])
def test_blocks_of_any_size_give_the_gradient_of_autodiff(monkeypatch, block, shape):
    monkeypatch.setattr(convolution, "BLOCK", block)
    batch, height, width, into, out = shape
    rng = np.random.default_rng(0)
    inputs = jnp.asarray(rng.normal(size=(batch, height, width, into)), jnp.float32)
    gradient = jnp.asarray(rng.normal(size=(batch, height, width, out)), jnp.float32)
    (wanted,) = jax.vjp(lambda kernel: plain(inputs, kernel), jnp.zeros((3, 3, into, out)))[1](gradient)
    np.testing.assert_allclose(kernel_gradient(inputs, gradient), wanted, atol=1e-5 * float(jnp.abs(wanted).max()))


def test_large_layers_take_the_blocks_and_have_the_gradients_of_others(monkeypatch):
    block = ConvBlock(64, 64, rngs=nnx.Rngs(0))
    graph, params, stats = nnx.split(block, nnx.Param, ...)
    inputs = jnp.asarray(np.random.default_rng(1).normal(size=(2, 26, 25, 64)), jnp.float32)

    def loss(params, inputs):
        return jnp.square(nnx.merge(graph, params, stats, copy=True)(inputs)).sum()

    asked = []
    counted = lambda *given: asked.append(1) or kernel_gradient(*given)  # noqa: E731
    monkeypatch.setattr(convolution, "kernel_gradient", counted)
    found = jax.grad(loss, argnums=(0, 1))(params, inputs)
    assert len(asked) == 1
    monkeypatch.setattr(convolution, "PLACES", 26 * 25 + 1)
    wanted = jax.grad(loss, argnums=(0, 1))(params, inputs)
    assert len(asked) == 1
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * float(jnp.abs(other).max()))


@pytest.mark.parametrize(
    ("shape", "strides", "dtype"),
    [
        ((3, 3, 64, 64), (2, 2), jnp.float32),
        ((3, 3, 64, 64), (1, 1), jnp.bfloat16),
        ((1, 1, 64, 64), (1, 1), jnp.float32),
    ],
)
def test_other_convolutions_are_left_alone(monkeypatch, shape, strides, dtype):
    monkeypatch.setattr(convolution, "kernel_gradient", None)
    inputs = jnp.ones((1, 30, 30, shape[2]), dtype)
    options = {"dimension_numbers": ("NHWC", "HWIO", "NHWC")}
    total = lambda kernel: convolve(inputs, kernel, strides, "SAME", **options).astype(jnp.float32).sum()  # noqa: E731
    assert jax.grad(total)(jnp.ones(shape, dtype)).shape == shape
