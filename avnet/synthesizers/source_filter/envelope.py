"""The spectral envelope of a voice: the power spectrum without the harmonics of the pitch.

Reference: Morise, "CheapTrick, a spectral envelope estimator for high-quality speech synthesis", 2015.
"""

from functools import cache

import numpy as np
from jaxtyping import Float

from avnet.audio.pcm import SPEECH_RATE
from avnet.synthesizers.source_filter.fourier import irfft, power_of, rfft
from avnet.synthesizers.source_filter.mel_cepstrum import N_FFT, frequency_response, warping_matrix
from avnet.synthesizers.source_filter.pitch import F0_MIN
from avnet.synthesizers.source_filter.windows import centred

# Three of the longest periods.
REACH = int(3 * SPEECH_RATE / F0_MIN)
# Of the lifter that makes good what the smoothing took from the envelope, as published.
COMPENSATION = -0.15
# Power of what counts as silence: under the rounding of 16 bits.
FLOOR = 1e-10


def mel_cepstra(
    waveform: Float[np.ndarray, " samples"], f0: Float[np.ndarray, " frames"]
) -> Float[np.ndarray, "frames 25"]:
    """Mel-cepstra of the envelope of every frame.

    Args:
        waveform: mono at 16 kHz.
        f0: Hz, to which the windows are fitted, at least 60.

    Returns:
        float32; white noise of variance 1 has 0 throughout.
    """
    cepstra = np.zeros((len(f0), warping_matrix().shape[1]), np.float32)
    for block, stretches in centred(waveform, len(f0), REACH):
        power = _without_notch(_power(stretches, f0[block]), f0[block])
        one = _liftered(_smooth(power, f0[block] * (2 / 3)), f0[block]) @ warping_matrix()
        # Smoothed logarithms are too low for noise, and too high where harmonics differ much; the power is kept.
        one[:, 0] += 0.5 * np.log(power.mean(axis=1) / np.square(np.abs(frequency_response(one))).mean(axis=1))
        cepstra[block] = one
    return cepstra


def _power(stretches: Float[np.ndarray, "frames n"], f0: Float[np.ndarray, " frames"]) -> np.ndarray:
    """The power spectrum under a Hann window of three periods; a whole period later it is nearly the same."""
    time = (np.arange(REACH) - (REACH - 1) / 2).astype(np.float32) / SPEECH_RATE
    turns = time * (f0[:, None] / 3).astype(np.float32)
    window = np.where(np.abs(turns) < 0.5, 0.5 + 0.5 * np.cos(2 * np.pi * turns), 0.0).astype(np.float32)
    weighted = stretches * window
    # Not the mean of the stretch: only what is under the window shall have none.
    weighted -= window * (weighted.sum(axis=1, keepdims=True) / window.sum(axis=1, keepdims=True))
    return power_of(rfft(weighted, N_FFT)) / np.square(window).sum(axis=1, keepdims=True) + np.float32(FLOOR)


def _without_notch(power: Float[np.ndarray, "frames bins"], f0: Float[np.ndarray, " frames"]) -> np.ndarray:
    """Below the pitch there is no harmonic but the constant, which was taken off: the mirror image of what is above."""
    step = SPEECH_RATE / N_FFT
    bins = np.arange(int(f0.max() / step) + 1)
    places = f0[:, None] / step - bins
    whole = np.clip(np.floor(places), 0, None).astype(np.int64)
    lower, upper = (np.take_along_axis(power, whole + k, axis=1) for k in (0, 1))
    mirrored = lower + (places - whole).astype(np.float32) * (upper - lower)
    power[:, : len(bins)] += np.where(places > 0, mirrored, 0.0)
    return power


def _smooth(power: Float[np.ndarray, "frames bins"], width: Float[np.ndarray, " frames"]) -> np.ndarray:
    """Means over `width` Hz around every frequency."""
    bins = power.shape[1]
    step = SPEECH_RATE / N_FFT
    side = int(np.ceil(width.max() / 2 / step)) + 2
    # The spectrum of a real signal goes on as its mirror image.
    mirrored = np.pad(power, ((0, 0), (side, side)), mode="reflect").astype(np.float64)
    # At i is the integral up to the lower edge of bin i - side.
    integral = np.pad(np.cumsum(mirrored, axis=1), ((0, 0), (1, 0)))
    half = width[:, None] / 2 / step

    def upto(places: np.ndarray) -> np.ndarray:
        whole = np.floor(places).astype(np.int64)
        lower = np.take_along_axis(integral, whole, axis=1)
        return lower + (places - whole) * (np.take_along_axis(integral, whole + 1, axis=1) - lower)

    centres = np.arange(bins) + side + 0.5
    return ((upto(centres + half) - upto(centres - half)) / (2 * half)).astype(np.float32)


@cache
def _quefrency() -> np.ndarray:
    return (np.arange(N_FFT // 2 + 1) / SPEECH_RATE).astype(np.float32)


def _liftered(power: Float[np.ndarray, "frames bins"], f0: Float[np.ndarray, " frames"]) -> np.ndarray:
    """One-sided cepstra of magnitude without the ripple of the harmonics."""
    cepstra = irfft(np.log(power), N_FFT)[:, : N_FFT // 2 + 1]
    turns = _quefrency() * f0[:, None].astype(np.float32)
    lifter = np.sinc(turns) * (1 - 2 * COMPENSATION + 2 * COMPENSATION * np.cos(2 * np.pi * turns))
    # The halves of the two-sided cepstrum fall together, and half of the logarithm of power is that of magnitude.
    lifter[:, 0] *= 0.5
    return (cepstra * lifter).astype(np.float32)
