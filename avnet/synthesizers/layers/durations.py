"""How long each unit of a string lasts."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int


class DurationPredictor(nnx.Module):
    """The logarithm of each unit's frames from the units around it: two convolutions of width 3 with layer norms.

    It has an embedding of its own, so that it never disturbs the sound.
    """

    def __init__(self, units: int, width: int, *, rngs: nnx.Rngs):
        self.embed = nnx.Embed(units, width, rngs=rngs)
        self.convs = nnx.List([nnx.Conv(width, width, (3,), rngs=rngs) for _ in range(2)])
        self.norms = nnx.List([nnx.LayerNorm(width, rngs=rngs) for _ in range(2)])
        self.head = nnx.Linear(width, 1, rngs=rngs)

    def __call__(self, units: Int[Array, "batch n"], mask: Bool[Array, "batch n"]) -> Float[Array, "batch n"]:
        """One number for each unit of collapsed strings."""
        x = self.embed(units)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = norm(jax.nn.relu(conv(x * mask[..., None])))
        return self.head(x)[..., 0].astype(jnp.float32)
