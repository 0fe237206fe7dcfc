import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avnet.nn.numerics import best_cell, l2_normalize, pairwise_distance, safe_norm


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def unit(*shape, seed=0):
    x = noise(*shape, seed=seed)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def test_norm_is_worked_out_by_hand():
    np.testing.assert_allclose(safe_norm(jnp.array([[3.0, 4.0], [0.0, 0.0]])), [5.0, 1e-6], rtol=1e-6)


def test_norm_and_normalisation_agree_with_numpy_over_any_leading_axes():
    x = noise(2, 3, 4, 5)
    length = np.linalg.norm(x, axis=-1)
    np.testing.assert_allclose(safe_norm(jnp.asarray(x)), length, rtol=1e-6)
    np.testing.assert_allclose(l2_normalize(jnp.asarray(x)), x / length[..., None], rtol=1e-5)


def test_zero_stays_zero():
    np.testing.assert_array_equal(l2_normalize(jnp.zeros((2, 3))), np.zeros((2, 3)))


def test_normalisation_of_short_and_long_vectors_has_unit_length():
    for scale in (1e-4, 1.0, 1e15):
        length = np.linalg.norm(l2_normalize(jnp.asarray(noise(4, 8) * np.float32(scale))), axis=-1)
        np.testing.assert_allclose(length, 1.0, rtol=1e-5)


@pytest.mark.parametrize("size", [0.0, 1e-20, 1e-8, 1e-6, 1e-3, 1.0])
def test_gradients_are_finite_at_and_near_zero(size):
    x = jnp.full((2, 3), size)
    assert np.isfinite(jax.grad(lambda x: safe_norm(x).sum())(x)).all()
    assert np.isfinite(jax.grad(lambda x: (l2_normalize(x) * jnp.arange(3.0)).sum())(x)).all()


def test_gradient_of_the_norm_is_the_direction():
    x = noise(3, 4)
    gradient = jax.grad(lambda x: safe_norm(x).sum())(jnp.asarray(x))
    np.testing.assert_allclose(gradient, x / np.linalg.norm(x, axis=-1, keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(jax.grad(lambda x: safe_norm(x).sum())(jnp.zeros((2, 3))), np.zeros((2, 3)))


def test_gradient_of_a_distance_is_finite_at_equal_inputs():
    x = jnp.asarray(unit(3, 4))
    assert np.isfinite(jax.grad(lambda y: safe_norm(x - y).sum())(x)).all()
    for gradient in jax.grad(lambda a, b: pairwise_distance(a, b).sum(), argnums=(0, 1))(x, x):
        assert np.isfinite(gradient).all()


def test_gradient_of_embeddings_that_are_both_zero_is_finite():
    def distance(x, y):
        return safe_norm(l2_normalize(x) - l2_normalize(y)).sum()

    for gradient in jax.grad(distance, argnums=(0, 1))(jnp.zeros((2, 3)), jnp.zeros((2, 3))):
        assert np.isfinite(gradient).all()


def test_pairwise_distances_are_worked_out_by_hand():
    x = jnp.array([[1.0, 0.0], [0.0, 1.0]])
    y = jnp.array([[1.0, 0.0], [-1.0, 0.0], [0.6, 0.8]])
    expected = [[1e-6, 2.0, np.sqrt(0.8)], [np.sqrt(2.0), np.sqrt(2.0), np.sqrt(0.4)]]
    np.testing.assert_allclose(pairwise_distance(x, y), expected, rtol=1e-5)


def test_pairwise_distances_agree_with_numpy():
    x, y = unit(5, 16), unit(7, 16, seed=1)
    expected = np.linalg.norm(x[:, None].astype(np.float64) - y[None], axis=-1)
    np.testing.assert_allclose(pairwise_distance(jnp.asarray(x), jnp.asarray(y)), expected, rtol=1e-4)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_best_cell_is_the_maximum_over_rows_and_columns(axis):
    x = noise(2, 3, 4, 5)
    np.testing.assert_array_equal(best_cell(jnp.asarray(x), axis), x.max(axis=(axis, axis + 1)))


def test_gradient_of_the_best_cell_goes_to_one_cell_even_where_several_are_equal():
    gradient = jax.grad(lambda x: best_cell(x).sum())(jnp.array([[[1.0, 3.0], [3.0, 2.0]]]))
    np.testing.assert_array_equal(gradient, [[[0.0, 1.0], [0.0, 0.0]]])
