"""Norms and distances whose gradients are finite everywhere, and a maximum whose gradient survives compiling."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# Squared lengths below this count as zero; their gradient is zero instead of NaN.
TINY = 1e-12


def safe_norm(x: Float[Array, "*batch features"]) -> Float[Array, "*batch"]:
    """Euclidean length of the last axis, at least 1e-6, with gradient zero (not NaN) where it is clamped."""
    return jnp.sqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=-1), TINY))


def l2_normalize(x: Float[Array, "*batch features"]) -> Float[Array, "*batch features"]:
    """Scales the last axis to unit length; zero stays zero."""
    return x / safe_norm(x)[..., None]


def pairwise_distance(x: Float[Array, "n features"], y: Float[Array, "m features"]) -> Float[Array, "n m"]:
    """Euclidean distances of all pairs of *unit* vectors, by their scalar products; in [1e-6, 2]."""
    # For near pairs 2 - 2 cos is a difference of nearly equal numbers, so the products have full precision.
    product = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
    return jnp.sqrt(jnp.maximum(2.0 - 2.0 * product, TINY))


def best_cell(x: Float[Array, "..."], axis: int = 1) -> Float[Array, "..."]:
    """The largest value over rows and columns; its gradient goes to one cell that has it.

    Args:
        x: grids.
        axis: of the rows; the columns come next. Both are gone from what it returns.

    The gradient of `x.max` goes by x == maximum. Compiled for a CPU it was wrong by a quarter for the towers in float32
    and right in float64: presumably x is made anew for the comparison, and rounded otherwise.
    """
    cells = x.reshape(*x.shape[:axis], x.shape[axis] * x.shape[axis + 1], *x.shape[axis + 2 :])
    place = jax.lax.stop_gradient(cells).argmax(axis=axis)
    mask = jax.nn.one_hot(place, cells.shape[axis], axis=axis, dtype=bool)
    return jnp.where(mask, cells, 0.0).sum(axis=axis)


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """Probabilities of log-odds, in NumPy; written with exp it would overflow for log-odds far below zero."""
    return 0.5 + 0.5 * np.tanh(log_odds / 2)
