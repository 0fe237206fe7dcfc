"""Recordings to the parameters of a source-filter voice."""

import numpy as np
from jaxtyping import Float

from avnet.errors import DataError
from avnet.synthesizers.source_filter.bands import strengths
from avnet.synthesizers.source_filter.envelope import mel_cepstra
from avnet.synthesizers.source_filter.parameters import HOP, SourceFilter
from avnet.synthesizers.source_filter.pitch import pitch

# Hz, for the windows of frames without pitch: short ones, since bursts are.
UNVOICED_F0 = 320.0


def analyze(waveform: Float[np.ndarray, "*samples"]) -> SourceFilter:
    """The parameters of a recording.

    Args:
        waveform: mono in [-1, 1] at 16 kHz.

    Returns:
        A frame for every 5 ms that have begun.

    Raises:
        DataError: it is not mono, or has samples that are not finite.
    """
    if waveform.ndim != 1:
        raise DataError("waveform", f"must be mono, of one dimension, got {list(waveform.shape)}")
    if not np.isfinite(waveform).all():
        raise DataError("waveform", "has samples that are not finite")
    frames = -(-len(waveform) // HOP)
    log_f0, voiced = pitch(waveform, frames)
    f0 = np.exp(log_f0)
    cepstra = mel_cepstra(waveform, np.where(voiced > 0, f0, UNVOICED_F0))
    return SourceFilter(log_f0, voiced, cepstra, strengths(waveform, f0) * voiced[:, None])
