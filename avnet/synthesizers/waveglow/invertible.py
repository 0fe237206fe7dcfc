"""A matrix that mixes the channels of a group, and its inverse."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

# Accelerators would multiply in bfloat16 or TF32, and the way back would not lead to where the way out began.
EXACT = jax.lax.Precision.HIGHEST


class InvertibleLinear(nnx.Module):
    """The invertible 1x1 convolution: one square matrix for all groups.

    It begins as a rotation, which changes no density. Nothing keeps its determinant from passing through zero to
    negative numbers; only the absolute value matters, so that the density stays finite there.

    Reference: Kingma and Dhariwal, "Glow", 2018, section 3.2; Prenger et al., "WaveGlow", 2018, section 2.2.
    """

    def __init__(self, channels: int, *, rngs: nnx.Rngs):
        rotation = nnx.initializers.orthogonal()(rngs.params(), (channels, channels), jnp.float32)
        flipped = rotation.at[:, 0].multiply(-1)
        self.kernel = nnx.Param(jnp.where(jnp.linalg.det(rotation) < 0, flipped, rotation))

    def forward(self, x: Float[Array, "batch groups channels"]) -> Float[Array, "batch groups channels"]:
        """The channels of each group, mixed."""
        return jnp.matmul(x, self.kernel[...], precision=EXACT)

    def inverse(self, x: Float[Array, "batch groups channels"]) -> Float[Array, "batch groups channels"]:
        """What `forward` made of it."""
        return jnp.matmul(x, jnp.linalg.inv(self.kernel[...]), precision=EXACT)

    def log_det(self) -> Float[Array, ""]:
        """The logarithm of the absolute value of the determinant, for one group."""
        return jnp.linalg.slogdet(self.kernel[...])[1]
