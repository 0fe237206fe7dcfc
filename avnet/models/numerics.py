"""Norms and distances whose gradients are finite everywhere."""

import jax
import jax.numpy as jnp
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
    product = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
    return jnp.sqrt(jnp.maximum(2.0 - 2.0 * product, TINY))
