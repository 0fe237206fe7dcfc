"""Time jitter: in training a neighbour's code takes the place of some, so that no code can tell its place exactly."""

import jax.numpy as jnp
from jax import random
from jaxtyping import Array, Float, Int, Key


def jitter(
    codes: Float[Array, "batch steps features"], steps: Int[Array, "batch"], rate: float, key: Key[Array, ""]
) -> Float[Array, "batch steps features"]:
    """Each code, or that of its neighbour, drawn for each by itself; on average none moves.

    Args:
        codes: of recordings.
        steps: how many belong to each; at either end a code has itself for a neighbour.
        rate: how probable the neighbour before is, and how probable the one after it; below .5.
        key: of the draws.

    Reference: Chorowski et al., 2019, section II-C. The code of ResDAVEnet-VQ draws 0, 1 or 2 in place of -1, 0 or 1,
        which delays all by a step in training.
    """
    draws = random.uniform(key, codes.shape[:2])
    shift = (draws >= 1 - rate).astype(jnp.int32) - (draws < rate).astype(jnp.int32)
    last = jnp.maximum(steps - 1, 0)[:, None]
    places = jnp.arange(codes.shape[1])
    # Padding stays where it is.
    source = jnp.where(places <= last, jnp.clip(places + shift, 0, last), places)
    return jnp.take_along_axis(codes, source[..., None], axis=1)
