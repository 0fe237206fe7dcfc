"""Convolutions over time with batch norm, which what lies beyond the end does not change."""

from collections.abc import Callable

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from avnet.nn.dropout import Dropout
from avnet.synthesizers.layers.initializers import xavier


class ConvBlock(nnx.Module):
    """Convolution, batch norm, activation, dropout.

    Norm and convolution see only what exists, in place of zeros that a batch is padded with: there the published code
    differs, so that an utterance sounds otherwise beside a longer one.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        kernel: int,
        activation: Callable[[Array], Array] | None,
        gain: str,
        dropout: float,
        *,
        rngs: nnx.Rngs,
    ):
        """Fresh weights.

        Args:
            in_features: of a step.
            features: after it.
            kernel: steps, odd.
            activation: None leaves features as they are.
            gain: see `xavier`.
            dropout: in training.
            rngs: of the weights.
        """
        sides = ((kernel // 2, kernel // 2),)
        self.conv = nnx.Conv(in_features, features, (kernel,), padding=sides, kernel_init=xavier(gain), rngs=rngs)
        # PyTorch's defaults; its momentum is 1 - 0.9.
        self.norm = nnx.BatchNorm(features, momentum=0.9, epsilon=1e-5, rngs=rngs)
        self.dropout = Dropout(dropout)
        self.activation = activation

    def __call__(
        self, x: Float[Array, "batch steps in_features"], mask: Bool[Array, "batch steps"], rngs: nnx.Rngs | None
    ) -> Float[Array, "batch steps features"]:
        """Features of the same steps.

        Args:
            x: features.
            mask: steps that exist.
            rngs: of dropout, in training.
        """
        exists = mask[..., None]
        x = self.norm(self.conv(jnp.where(exists, x, 0.0)).astype(jnp.float32), mask=exists)
        return self.dropout(x if self.activation is None else self.activation(x), rngs=rngs)
