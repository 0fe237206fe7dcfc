"""ConvNeXt over time: each feature filtered by itself, then mixed with the others of its frame."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float


class DepthwiseConv(nnx.Module):
    """Each feature's own filter over seven frames, zero beyond the ends.

    Written as seven products of shifted views: on a CPU a convolution in as many groups as features, with its
    gradient, takes eighteen times as long.
    """

    TAPS = 7

    def __init__(self, width: int, *, rngs: nnx.Rngs):
        self.kernel = nnx.Param(nnx.initializers.truncated_normal(0.02)(rngs.params(), (self.TAPS, width)))
        self.bias = nnx.Param(jnp.zeros(width))

    def __call__(self, x: Float[Array, "batch frames width"]) -> Float[Array, "batch frames width"]:
        """Filtered features of the same frames."""
        side, frames = self.TAPS // 2, x.shape[1]
        padded = jnp.pad(x, ((0, 0), (side, side), (0, 0)))
        taps = [padded[:, tap : tap + frames] * self.kernel[tap] for tap in range(self.TAPS)]
        return jnp.stack(taps).sum(axis=0) + self.bias[...]


class ConvNeXtBlock(nnx.Module):
    """Depthwise convolution over time, layer norm, two pointwise layers; added to its input, first very weakly.

    Reference: Liu et al., "A ConvNet for the 2020s", 2022, figure 4; Vocos, section 3.2.
    """

    def __init__(self, width: int, expansion: int, scale: float, *, rngs: nnx.Rngs):
        init = nnx.initializers.truncated_normal(0.02)
        self.depthwise = DepthwiseConv(width, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=1e-6, rngs=rngs)
        self.expand = nnx.Linear(width, expansion * width, kernel_init=init, rngs=rngs)
        self.reduce = nnx.Linear(expansion * width, width, kernel_init=init, rngs=rngs)
        self.scale = nnx.Param(jnp.full(width, scale, jnp.float32))

    def __call__(self, x: Float[Array, "batch frames width"], exists: Array) -> Float[Array, "batch frames width"]:
        """Features of the same frames; those that do not exist are as silent as the padding at the ends."""
        inner = self.norm(self.depthwise(x * exists))
        return x + self.scale[...] * self.reduce(jax.nn.gelu(self.expand(inner)))
