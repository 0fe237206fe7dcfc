"""What all vocoders of mel spectra have in common."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float


@runtime_checkable
class MelVocoder(Protocol):
    """Log-mel spectra to samples.

    Kinds: `MelGriffinLim` (signal processing) and `WaveGlow` (a network). `FrameVoice` takes any of them.
    """

    def waveform(self, log_mel: Float[np.ndarray, "frames 80"]) -> Float[np.ndarray, " samples"]:
        """A waveform with a given spectrogram.

        Args:
            log_mel: of the setting `avnet.synthesizers.mel.acoustics.MEL`, natural logarithm of magnitude.

        Returns:
            float32 at 16 kHz, 160 samples for each frame, not limited to [-1, 1]; the same spectrogram gives the same
            samples.
        """
        ...
