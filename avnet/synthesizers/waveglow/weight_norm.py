"""Matrices whose columns have a direction and a length of their own."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

# Squared length below which a direction counts as none; a file may hold one.
LEAST_SQUARE = 1e-24
# Evenly within 1 / sqrt(inputs), as layers of PyTorch begin.
UNIFORM = nnx.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


class WeightNormLinear(nnx.Linear):
    """A linear layer with the kernel scale * direction / |direction|, column by column.

    Attributes:
        kernel: the directions.
        scale: the length of each column.

    Reference: Salimans and Kingma, "Weight Normalization", 2016, section 2; begun so that the kernel is its own
        direction, as by PyTorch.
    """

    def __init__(self, in_features: int, out_features: int, *, rngs: nnx.Rngs):
        bound = in_features**-0.5
        super().__init__(
            in_features,
            out_features,
            kernel_init=UNIFORM,
            bias_init=lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, -bound, bound),
            rngs=rngs,
        )
        self.scale = nnx.Param(_lengths(self.kernel[...]))

    def __call__(self, inputs: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        """The layer, computed in its precision."""
        kernel = self.kernel[...] * (self.scale[...] / _lengths(self.kernel[...]))
        assert self.bias is not None
        dtype = self.dtype or inputs.dtype
        return inputs.astype(dtype) @ kernel.astype(dtype) + self.bias[...].astype(dtype)


def _lengths(kernel: Float[Array, "inputs outputs"]) -> Float[Array, " outputs"]:
    return jnp.sqrt(jnp.maximum(jnp.square(kernel).sum(axis=0), LEAST_SQUARE))
