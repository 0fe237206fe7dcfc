"""The second half of `avnet.correspondence.contrast` with the whole matrix at once, by its definition: a judge."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def pairwise_correspondence_loss(
    scores: Float[Array, "batch batch"], same_video: Bool[Array, "batch batch"]
) -> Float[Array, "batch"]:
    """Balanced cross-entropy over all pairings of a batch: fixes the zero of the scores, which contrast leaves free.

    Half of the weight is on the matching pair, half on the mean over the mismatched ones, as in the paper's batches.

    Args:
        scores: log-odds of image i (row) with sound j (column).
        same_video: where image i and sound j come from one video; off the diagonal these are no negatives.
    """
    positive = jax.nn.softplus(-jnp.diagonal(scores))
    mismatched = ~same_video
    negative = jnp.sum(jnp.where(mismatched, jax.nn.softplus(scores), 0.0), axis=1)
    return 0.5 * (positive + negative / jnp.maximum(jnp.sum(mismatched, axis=1), 1))
