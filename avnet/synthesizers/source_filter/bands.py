"""The bands of mixed excitation: how they divide the spectrum, and how periodic a voice is in each."""

from functools import cache

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import convolve1d

from avnet.audio.pcm import SPEECH_RATE
from avnet.synthesizers.source_filter.fourier import rfft
from avnet.synthesizers.source_filter.mel_cepstrum import N_FFT
from avnet.synthesizers.source_filter.parameters import BAND_EDGES, BANDS
from avnet.synthesizers.source_filter.pitch import F0_MIN
from avnet.synthesizers.source_filter.windows import centred

# Hz, over which one band passes into the next.
PASSAGE = 400.0
# Weights of a frame and its neighbours: one frame alone has too few values in a band.
SMOOTHING = np.array([1, 2, 3, 2, 1]) / 9


@cache
def band_weights() -> Float[np.ndarray, "bands bins"]:
    """The share of each band in every frequency of a transform of 1,024; they add up to 1.

    Returns:
        float32 [5, 513].
    """
    frequency = np.arange(N_FFT // 2 + 1) * SPEECH_RATE / N_FFT
    rises = np.clip((frequency - np.array(BAND_EDGES[1:-1])[:, None]) / PASSAGE + 0.5, 0.0, 1.0)
    above = np.concatenate([np.ones_like(rises[:1]), rises, np.zeros_like(rises[:1])])
    return -np.diff(above, axis=0).astype(np.float32)


def strengths(waveform: Float[np.ndarray, " samples"], f0: Float[np.ndarray, " frames"]) -> Float[np.ndarray, "f 5"]:
    """The share of each band's power that comes again a period later.

    Args:
        waveform: mono at 16 kHz.
        f0: Hz, at least 60.

    Returns:
        float32 [frames, 5], from 0 to 1; it means something where there is a pitch.
    """
    coherence = np.zeros((len(f0), BANDS))
    period = np.rint(SPEECH_RATE / f0).astype(np.int64)
    longest = int(np.ceil(SPEECH_RATE / F0_MIN))
    length = 3 * longest + longest % 2
    for block, stretches in centred(waveform, len(f0), length):
        coherence[block] = _coherence(stretches, period[block])
    smooth = convolve1d(coherence, SMOOTHING, axis=0, mode="nearest")
    # Of noise it is not 0 but the inverse of the number of independent values in a band.
    width = np.diff(BAND_EDGES) * 2 * period[:, None] / SPEECH_RATE
    chance = 1 / np.maximum(0.5 * width, 1.5)
    return np.sqrt(np.clip((smooth - chance) / (1 - chance), 0.0, 1.0)).astype(np.float32)


def _coherence(stretches: Float[np.ndarray, "frames n"], period: Int[np.ndarray, " frames"]) -> np.ndarray:
    """Squared coherence in each band of two stretches of two periods, the second a period later than the first."""
    frames, length = stretches.shape
    time = np.arange(2 * int(period.max()))
    window = np.where(
        time < 2 * period[:, None], 0.5 - 0.5 * np.cos(np.pi * (time + 0.5) / period[:, None]), 0.0
    ).astype(np.float32)
    first = length // 2 - (3 * period) // 2
    rows = np.arange(frames)[:, None]
    spectra = []
    for start in (first, first + period):
        places = np.minimum(start[:, None] + time, length - 1)
        spectra.append(rfft(stretches[rows, places] * window, N_FFT))
    early, late = spectra
    weights = band_weights().T
    cross = (early * late.conj()) @ weights
    power = (np.square(np.abs(early)) @ weights) * (np.square(np.abs(late)) @ weights)
    return np.square(np.abs(cross)) / np.maximum(power, 1e-20)
