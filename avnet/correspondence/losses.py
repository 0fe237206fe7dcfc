"""The losses, as pure functions of logits; each returns one value for each example.

The papers' own loss sees one label a pair. The contrastive forms use every pairing of a batch, which small data need.
"""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

from avnet.nn.numerics import best_cell


def correspondence_loss(logits: Float[Array, "batch 2"], labels: Int[Array, "batch"]) -> Float[Array, "batch"]:
    """Cross-entropy of "does not correspond" (0) against "corresponds" (1), as AVE-Net and L3-Net are trained.

    Args:
        logits: of the two answers.
        labels: 1 where image and sound belong together, else 0.

    Reference: Arandjelovic and Zisserman, "Look, Listen and Learn", 2017, section 2.
    """
    return optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)


def multiple_instance_loss(
    response: Float[Array, "batch rows columns"], labels: Int[Array, "batch"]
) -> Float[Array, "batch"]:
    """Cross-entropy of the best cell, as AVOL-Net is trained.

    For a matching pair some region must respond; for a mismatched one the whole map must be low.

    Args:
        response: log-odds of each cell.
        labels: 1 where image and sound belong together, else 0.

    Reference: Arandjelovic and Zisserman, "Objects that Sound", 2018, section 4.
    """
    return optax.losses.sigmoid_binary_cross_entropy(best_cell(response), labels.astype(response.dtype))


def contrastive_loss(
    scores: Float[Array, "batch batch"], same_video: Bool[Array, "batch batch"]
) -> Float[Array, "batch"]:
    """Symmetric contrastive loss: pick image i's sound among all sounds of the batch, and the reverse.

    With AVOL-Net's scores (the best cell's log-odds) this is its multiple-instance form.

    Args:
        scores: log-odds of image i (row) with sound j (column); the matching pairs are on the diagonal.
        same_video: where image i and sound j come from one video; off the diagonal these are no negatives.

    Reference: van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018, section 2.3;
        both directions as in Radford et al., "Learning Transferable Visual Models", 2021, section 2.3.
    """
    scores = jnp.where(_ignore(same_video), -jnp.inf, scores)
    own = jnp.diagonal(scores)
    to_sound = jax.nn.logsumexp(scores, axis=1) - own
    to_image = jax.nn.logsumexp(scores, axis=0) - own
    return 0.5 * (to_sound + to_image)


def _ignore(same_video: Bool[Array, "batch batch"]) -> Bool[Array, "batch batch"]:
    return same_video & ~jnp.eye(same_video.shape[0], dtype=bool)
