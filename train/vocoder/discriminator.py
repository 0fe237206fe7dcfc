"""Tells recordings from made sound by their spectra at several resolutions; only training has a use for it."""

from typing import NamedTuple

import jax
from flax import nnx
from jaxtyping import Array, Float

from avnet.synthesizers.losses import magnitudes

# Length of window and transform, and hop, in samples; as published for 24 kHz, which suits 16 kHz as well.
RESOLUTIONS = ((1024, 256), (2048, 512), (512, 128))
WIDTH = 32


class Opinion(NamedTuple):
    """What the discriminator thinks of a batch.

    Attributes:
        answers: one map for each resolution; above 0 it holds that place for a recording's.
        features: of every layer of every resolution.
    """

    answers: list[Array]
    features: list[Array]


class SpectrogramDiscriminator(nnx.Module):
    """Six convolutions over frames and frequencies of one magnitude spectrogram.

    Reference: Jang et al., "UnivNet", 2021, section 2.2, table 1.
    """

    def __init__(self, n_fft: int, hop: int, *, rngs: nnx.Rngs):
        self.n_fft, self.hop = n_fft, hop
        shapes = [(1, (3, 9), 1), *[(WIDTH, (3, 9), 2)] * 3, (WIDTH, (3, 3), 1)]
        self.convs = nnx.List(
            [nnx.Conv(inputs, WIDTH, kernel, strides=(1, stride), rngs=rngs) for inputs, kernel, stride in shapes]
        )
        self.head = nnx.Conv(WIDTH, 1, (3, 3), rngs=rngs)

    def __call__(self, waveform: Float[Array, "batch samples"]) -> tuple[Array, list[Array]]:
        """The map of answers, and the features below it."""
        x = magnitudes(waveform, self.n_fft, self.hop)[..., None]
        features = []
        for conv in self.convs:
            x = jax.nn.leaky_relu(conv(x), 0.1)
            features.append(x)
        return self.head(x)[..., 0], features


class Discriminator(nnx.Module):
    """One spectrogram discriminator for each of three resolutions; waveforms need at least 2,048 samples.

    Reference: Siuzdak, "Vocos", 2023, section 3.4; the multi-period discriminators there are left out, as they work at
    the rate of samples.
    """

    def __init__(self, *, rngs: nnx.Rngs):
        self.parts = nnx.List([SpectrogramDiscriminator(n_fft, hop, rngs=rngs) for n_fft, hop in RESOLUTIONS])

    def __call__(self, waveform: Float[Array, "batch samples"]) -> Opinion:
        """What all parts think of a batch."""
        outputs = [part(waveform) for part in self.parts]
        return Opinion([answer for answer, _ in outputs], [layer for _, layers in outputs for layer in layers])
