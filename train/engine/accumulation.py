"""The gradient of a batch, at once or part by part, where all of its features do not fit the device.

Reference: Gao, Zhang, Han and Callan, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", 2021,
section 3: embeddings of all parts first, the gradient of the loss by them, then that of each part by the parameters.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

Tree = Any


def gradient_of(
    encode: Callable[[Tree, Tree, Tree, Key[Array, ""]], tuple[Tree, Tree]],
    judge: Callable[[Tree, Tree, Tree, Tree], tuple[Array, Tree]],
    parts: int = 1,
) -> Callable[..., Any]:
    """What `jax.value_and_grad(..., has_aux=True)` of a loss would give.

    The loss is of the whole batch, so that a contrastive one compares every pair with every other. Only what `encode`
    does within a part, such as batch normalisation, is of the part alone.

    Args:
        encode: parameters, statistics, batch and key to embeddings [pairs, ...] and new statistics.
        judge: parameters, statistics, embeddings and batch to the loss and what goes with it.
        parts: in which the batch is encoded; must divide it.

    Returns:
        Parameters, statistics, batch and key to ((loss, (statistics, what goes with it)), gradient).
    """

    def whole(params: Tree, stats: Tree, batch: Tree, key: Key[Array, ""]):
        embeddings, stats = encode(params, stats, batch, key)
        loss, more = judge(params, stats, embeddings, batch)
        return loss, (stats, more)

    def by_parts(params: Tree, stats: Tree, batch: Tree, key: Key[Array, ""]):
        keys, chunks = jax.random.split(key, parts), jax.tree.map(divide, batch)

        def forward(stats: Tree, part: tuple[Array, Tree]) -> tuple[Tree, Tree]:
            embeddings, stats = encode(params, stats, part[1], part[0])
            return stats, embeddings

        def backward(total: Tree, part: tuple[Array, Tree, Tree]) -> tuple[Tree, None]:
            # Features are computed a second time: to keep those of all parts is what there is no memory for. In
            # training batch normalization uses the means of the part, so the running statistics enter no gradient.
            again = jax.vjp(lambda params: encode(params, stats, part[1], part[0])[0], params)[1]
            return jax.tree.map(jnp.add, total, again(part[2])[0]), None

        after, embeddings = jax.lax.scan(forward, stats, (keys, chunks))
        judge_gradient = jax.value_and_grad(judge, argnums=(0, 2), has_aux=True)
        (loss, more), (grads, embedding_grads) = judge_gradient(params, after, jax.tree.map(join, embeddings), batch)
        # The loss has parameters too, such as its scale; the gradients of the parts are added to theirs.
        grads, _ = jax.lax.scan(backward, grads, (keys, chunks, jax.tree.map(divide, embedding_grads)))
        return (loss, (after, more)), grads

    def divide(rows: Array) -> Array:
        # Rows i, i + parts, ... make part i: every part then has rows on each device, among which the batch is divided.
        return rows.reshape(len(rows) // parts, parts, *rows.shape[1:]).swapaxes(0, 1)

    def join(chunks: Array) -> Array:
        return chunks.swapaxes(0, 1).reshape(chunks.shape[0] * chunks.shape[1], *chunks.shape[2:])

    return by_parts if parts > 1 else jax.value_and_grad(whole, has_aux=True)
