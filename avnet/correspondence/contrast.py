"""The contrastive losses over a large batch, some rows of the matrix of scores at a time.

All pairings of a batch are as many as its square. Here rows are scored in chunks that are forgotten and, for the
gradient, made again; what is kept of a column is its running maximum and sum.

Reference: the running sum of exponentials of Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018,
    section 3; scores made again for the gradient, Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class Contrast(NamedTuple):
    """What a batch comes to.

    Attributes:
        losses: contrastive and pairwise loss of each pair, added.
        correct: where the image's own sound scores highest.
    """

    losses: Float[Array, " batch"]
    correct: Bool[Array, " batch"]


class _Columns(NamedTuple):
    """The greatest score of each column so far, and the sum of the exponentials of all, relative to it."""

    greatest: Float[Array, " batch"]
    total: Float[Array, " batch"]


def contrast(
    score_matrix: Callable[[Array, Array], Float[Array, "rows batch"]],
    images: Float[Array, "batch *features"],
    sounds: Float[Array, "batch features"],
    video: Int[Array, " batch"],
    rows: int,
    parts: int = 1,
) -> Contrast:
    """`contrastive_loss` of `losses.py` plus the pairwise loss, without the whole matrix.

    The pairwise loss is balanced cross-entropy over all pairings of a batch; it fixes the zero of the scores, which
    contrast leaves free. Half of its weight is on the matching pair, half on the mean over the mismatched ones, as in
    the paper's batches.

    Args:
        score_matrix: log-odds of every image of a chunk with every sound.
        images: embeddings, or grids of them.
        sounds: embeddings.
        video: equal numbers are one video, whose pairs are no negatives of each other.
        rows: images of a chunk; must divide the batch.
        parts: in which the batch lies on as many devices; each chunk takes as many images of each part.
    """
    batch = len(sounds)
    chunks = batch // rows

    def cut(x: Array) -> Array:
        """[batch, ...] as [chunks, rows, ...], each chunk with its share of every part."""
        split = x.reshape(parts, chunks, rows // parts, *x.shape[1:])
        return split.swapaxes(0, 1).reshape(chunks, rows, *x.shape[1:])

    def uncut(x: Array) -> Array:
        return x.reshape(chunks, parts, rows // parts).swapaxes(0, 1).reshape(batch)

    @jax.checkpoint
    def advance(columns: _Columns, chunk: tuple[Array, Array, Array]):
        number, image, own = chunk
        scores = score_matrix(image, sounds)
        own_pair = number[:, None] == jnp.arange(batch)
        same = own[:, None] == video[None, :]
        against = jnp.where(same & ~own_pair, -jnp.inf, scores)
        # The maximum only keeps the exponentials in range; the loss does not depend on it, so neither does the
        # gradient.
        greatest = jnp.maximum(columns.greatest, jax.lax.stop_gradient(against.max(axis=0)))
        total = columns.total * jnp.exp(columns.greatest - greatest) + jnp.exp(against - greatest).sum(axis=0)
        own_score = jnp.sum(jnp.where(own_pair, scores, 0.0), axis=1)
        to_sound = jax.nn.logsumexp(against, axis=1) - own_score
        negative = jnp.sum(jnp.where(same, 0.0, jax.nn.softplus(scores)), axis=1)
        # At least 1: a batch may be all of one video.
        pairwise = 0.5 * (jax.nn.softplus(-own_score) + negative / jnp.maximum(jnp.sum(~same, axis=1), 1))
        return _Columns(greatest, total), (0.5 * to_sound + pairwise, own_score, scores.argmax(axis=1) == number)

    # Not minus infinity: in a column whose first chunk is all of its own video, exp(-inf - -inf) would be NaN.
    begin = _Columns(jnp.full(batch, -1e30), jnp.zeros(batch))
    chunk = jax.tree.map(cut, (jnp.arange(batch), images, video))
    columns, (by_row, own_score, correct) = jax.lax.scan(advance, begin, chunk)
    to_image = columns.greatest + jnp.log(columns.total) - uncut(own_score)
    return Contrast(uncut(by_row) + 0.5 * to_image, uncut(correct))


def rows_at_once(batch: int, cells: int, parts: int = 1, limit: int = 1 << 24) -> int:
    """The most images whose scores with all sounds are at most `limit` numbers on each part.

    Args:
        batch: pairs.
        cells: of an image that are scored each on its own; 1 for a single embedding.
        parts: in which the batch lies; it must divide the batch.
        limit: numbers; 64 MB by default.

    Returns:
        A number that divides the batch and is divided by the parts.
    """
    share = batch // parts
    possible = [n for n in range(1, share + 1) if share % n == 0 and n * batch * cells <= limit]
    return parts * max(possible, default=1)
