"""The network: what hears, the codes, and what says them again."""

from collections.abc import Callable
from typing import Any, NamedTuple

from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.audio.mfcc import COEFFICIENTS
from avnet.nn.quantizer import VectorQuantizer
from avnet.nn.standard import Standard
from avnet.units.wavenet_vq.config import DecoderKind, WaveNetVQConfig
from avnet.units.wavenet_vq.decoder import Decoder
from avnet.units.wavenet_vq.encoder import Encoder
from avnet.units.wavenet_vq.frame_decoder import FrameDecoder
from avnet.units.wavenet_vq.wavenet import WaveNet

# Cepstra with their first and second differences.
CEPSTRA = 3 * COEFFICIENTS
# What builds the decoder of each kind from its sizes, the features of a code and the number of speakers.
_DECODERS: dict[DecoderKind, Callable[..., Any]] = {"frames": FrameDecoder, "wavenet": WaveNet}


class Vectors(NamedTuple):
    """What the encoder makes of recordings.

    Attributes:
        features: float [batch, steps, features].
        steps: int [batch], how many belong to each recording.
    """

    features: Float[Array, "batch steps features"]
    steps: Int[Array, "batch"]


class WaveNetVQ(nnx.Module):
    """Speech through codes, from which a decoder says it again.

    Attributes:
        standard: the scale of each cepstrum in what was learned from.
        encoder: one vector every 20 ms.
        quantizer: its codes.
        decoder: says spectra or samples.

    Reference: Chorowski et al., "Unsupervised Speech Representation Learning Using WaveNet Autoencoders", 2019; van den
        Oord et al., "Neural Discrete Representation Learning", 2017. Codes follow what they stand for by moving
        averages, as in `VectorQuantizer`, and those that stand for nothing begin anew.
    """

    def __init__(self, config: WaveNetVQConfig, *, rngs: nnx.Rngs):
        self.config = config
        self.standard = Standard(CEPSTRA)
        self.encoder = Encoder(CEPSTRA, config.width, config.features, rngs=rngs)
        self.quantizer = VectorQuantizer(config.codes, config.features, config.decay, rngs=rngs)
        build = _DECODERS[config.decoder.kind]
        self.decoder: Decoder = build(config.decoder, config.features, config.speakers, rngs=rngs)

    def vectors(self, cepstra: Float[Array, "batch frames 39"], frames: Int[Array, "batch"]) -> Vectors:
        """What becomes codes, zero after the end.

        Args:
            cepstra: as of `mfcc`, padded with anything to one length.
            frames: how many belong to each recording.
        """
        return Vectors(*self.encoder(self.standard(cepstra), frames))

    def coded(self, cepstra: Float[Array, "batch frames 39"], frames: Int[Array, "batch"]) -> Vectors:
        """The nearest code in place of each vector; arguments as of `vectors`."""
        x, steps = self.vectors(cepstra, frames)
        return Vectors(self.quantizer.codes[...][self.quantizer.nearest(x)], steps)
