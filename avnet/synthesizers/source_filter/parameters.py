"""What a source-filter voice is made of, frame by frame."""

from dataclasses import dataclass

import numpy as np

from avnet.errors import DataError

# Samples of a frame: 5 ms at 16 kHz, half of a frame of units.
HOP = 80
# Mel-cepstral coefficients, the first of which is the logarithm of the gain.
COEFFICIENTS = 25
# Edges of the bands, Hz, of which each has its own mixture of pulses and noise.
BAND_EDGES = (0, 1000, 2000, 4000, 6000, 8000)
BANDS = len(BAND_EDGES) - 1
# Hz, of what a pitch can be; wider than what the analysis looks for, since a network predicts beyond its examples.
LOWEST_F0, HIGHEST_F0 = 20.0, 2000.0
# Far above any envelope's coefficients: their exponential shall be finite.
LARGEST_CEPSTRUM = 20.0


@dataclass(frozen=True)
class SourceFilter:
    """An utterance as a source, pulses mixed with noise, and a filter. Frame i is centred on sample 80 (i + 1/2).

    Attributes:
        log_f0: float32 [frames], natural logarithm of the pitch in Hz, interpolated where there is none.
        voiced: float32 [frames], from 0, no pitch, to 1: share of the source's power that may come from pulses.
        cepstra: float32 [frames, 25], mel-cepstrum of the filter; see `mel_cepstrum`.
        strengths: float32 [frames, 5], from 0 to 1, the share of pulses in the power of each band where the frame is
            voiced.

    Reference: Yoshimura et al., "Mixed excitation for HMM-based speech synthesis", 2001.
    """

    log_f0: np.ndarray
    voiced: np.ndarray
    cepstra: np.ndarray
    strengths: np.ndarray

    def __post_init__(self):
        """Checks shapes and ranges.

        Raises:
            DataError: names what is wrong.
        """
        frames = len(self.log_f0)
        shapes = {"log_f0": (), "voiced": (), "cepstra": (COEFFICIENTS,), "strengths": (BANDS,)}
        for name, rest in shapes.items():
            values = getattr(self, name)
            if values.shape != (frames, *rest) or values.dtype != np.float32:
                wanted = f"float32 {[frames, *rest]}"
                raise DataError(name, f"must be {wanted}, got {values.dtype} {list(values.shape)}")
            if not np.isfinite(values).all():
                raise DataError(name, "has values that are not finite")
        bounds = {
            "log_f0": (np.log(LOWEST_F0), np.log(HIGHEST_F0)),
            "voiced": (0.0, 1.0),
            "cepstra": (-LARGEST_CEPSTRUM, LARGEST_CEPSTRUM),
            "strengths": (0.0, 1.0),
        }
        for name, (least, largest) in bounds.items():
            values = getattr(self, name)
            if frames and not (least - 1e-5 <= values.min() and values.max() <= largest + 1e-5):
                span = f"{values.min():.4g} to {values.max():.4g}"
                raise DataError(name, f"must be from {least:.4g} to {largest:.4g}, got {span}")

    def __len__(self) -> int:
        """Frames."""
        return len(self.log_f0)
