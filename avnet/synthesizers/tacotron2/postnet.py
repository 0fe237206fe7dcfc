"""What refines the frames of a Tacotron 2 once all of them are there."""

from itertools import pairwise

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from avnet.synthesizers.mel.acoustics import BANDS
from avnet.synthesizers.tacotron2.config import SpectrumConfig
from avnet.synthesizers.tacotron2.convolution import ConvBlock


class Postnet(nnx.Module):
    """Convolutions over frames, whose sum with what they were given is the spectrum.

    Reference: Shen et al., 2018, section 2.2.
    """

    def __init__(self, config: SpectrumConfig, *, rngs: nnx.Rngs):
        sizes = [BANDS, *[config.postnet] * (config.postnet_convolutions - 1), BANDS]
        last = len(sizes) - 2
        self.blocks = nnx.List(
            ConvBlock(
                *pair,
                config.postnet_kernel,
                None if number == last else jnp.tanh,
                "linear" if number == last else "tanh",
                config.dropout,
                rngs=rngs,
            )
            for number, pair in enumerate(pairwise(sizes))
        )

    def __call__(
        self, frames: Float[Array, "batch frames 80"], mask: Bool[Array, "batch frames"], rngs: nnx.Rngs | None = None
    ) -> Float[Array, "batch frames 80"]:
        """The refined frames.

        Args:
            frames: normalized log-mel.
            mask: frames that exist; the others change nothing.
            rngs: of dropout, in training.
        """
        x = frames
        for block in self.blocks:
            x = block(x, mask, rngs)
        return frames + x
