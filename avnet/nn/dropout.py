"""Dropout that draws bytes."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

LEVELS = 256


class Dropout(nnx.Dropout):
    """Zeros a share of the features in training, and scales the others so that the mean stays.

    A byte decides on each, where Flax takes four: on a CPU to draw them costs as much as a small layer. The share is
    therefore a multiple of 1/256, the nearest to `rate`; what is kept is scaled by the exact share.

    Reference: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
    """

    def __call__(self, inputs: Float[Array, "..."], *, rngs: nnx.Rngs | None = None) -> Float[Array, "..."]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Some of the features.

        Args:
            inputs: features.
            rngs: of the draws; not needed outside of training.
        """
        dropped = round(self.rate * LEVELS)
        if self.deterministic or not dropped:
            return inputs
        if rngs is None:
            raise ValueError("dropout needs random numbers in training")
        kept = jax.random.bits(rngs.dropout(), inputs.shape, jnp.uint8) >= dropped
        return jnp.where(kept, inputs * (LEVELS / (LEVELS - dropped)), jnp.zeros_like(inputs))
