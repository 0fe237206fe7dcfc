"""Samples in 256 classes, fine near silence and coarse where it is loud."""

import numpy as np
from jaxtyping import Float, Int

MU = 255
# The class of a sample of 0.
SILENCE = 128


def to_mu_law(waveform: Float[np.ndarray, "*shape"]) -> Int[np.ndarray, "*shape"]:
    """Classes from 0 to 255; what lies beyond [-1, 1] is clipped.

    Reference: ITU-T G.711, without its approximation by segments; van den Oord et al., "WaveNet", 2016, section 2.2.

    Example:
        >>> to_mu_law(np.array([-1.0, -0.01, 0.0, 0.01, 1.0])).tolist()
        [0, 98, 128, 157, 255]
    """
    waveform = np.clip(waveform, -1.0, 1.0)
    curve = np.sign(waveform) * np.log1p(MU * np.abs(waveform)) / np.log1p(MU)
    return ((curve + 1) / 2 * MU + 0.5).astype(np.int32)


def from_mu_law(classes: Int[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The waveform of classes, float32 in [-1, 1]."""
    curve = 2 * (classes / MU) - 1
    return (np.sign(curve) * np.expm1(np.abs(curve) * np.log1p(MU)) / MU).astype(np.float32)
