"""The labels of least total cost where every change of label has a price."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int


def best_paths(costs: Float[np.ndarray, "batch frames labels"], penalty: float) -> Int[np.ndarray, "batch frames"]:
    """Labels of each row's frames, by dynamic programming (Viterbi).

    Args:
        costs: of each label at each frame; frames that are zero for all labels, as padding is, change nothing.
        penalty: what a change of label costs, at least 0.
    """
    batch, frames, _ = costs.shape
    final, stays, best = map(np.asarray, _forward(jnp.asarray(costs, jnp.float32), jnp.float32(penalty)))
    labels, rows = np.zeros((batch, frames), np.int64), np.arange(batch)
    label = final.argmin(axis=1)
    for t in reversed(range(frames)):
        labels[:, t] = label
        label = np.where(stays[t, rows, label], label, best[t])
    return labels


@jax.jit
def _forward(
    costs: Float[Array, "batch frames labels"], penalty: Float[Array, ""]
) -> tuple[Float[Array, "batch labels"], Bool[Array, "frames batch labels"], Int[Array, "frames batch"]]:
    """Least costs after the last frame; where staying was best; and where else a change came from."""

    def advance(total: Array, cost: Array):
        best = total.argmin(axis=1)
        change = jnp.take_along_axis(total, best[:, None], axis=1) + penalty
        # A tie is for staying, so that labels change as rarely as they may.
        stays = total <= change
        return jnp.minimum(total, change) + cost, (stays, best)

    begin = jnp.zeros((costs.shape[0], costs.shape[2]))
    final, (stays, best) = jax.lax.scan(advance, begin, costs.swapaxes(0, 1))
    return final, stays, best
