"""Mel-frequency cepstral coefficients with their first and second differences over time."""

import numpy as np
from jaxtyping import Float
from scipy.fft import dct

from avnet.audio.config import SpectrogramConfig
from avnet.audio.pcm import SPEECH_RATE
from avnet.audio.spectrogram import log_spectrogram

HOP_S = 0.01
COEFFICIENTS = 13
# The usual front end of speech recognition: 25 ms every 10 ms, 40 mel bands.
FRONT = SpectrogramConfig(
    sample_rate=SPEECH_RATE, win_length=400, hop_length=160, n_fft=512, n_mels=40, f_min=20, f_max=8_000
)
# Waveforms are padded to whole seconds, so that few lengths are compiled.
BLOCK = SPEECH_RATE


def mfcc(waveform: Float[np.ndarray, " samples"]) -> Float[np.ndarray, "frames 39"]:
    """13 coefficients of the log-mel spectrum, then their differences, then the differences of those.

    Args:
        waveform: mono in [-1, 1] at 16 kHz.

    Returns:
        One row every 10 ms, of windows of 25 ms that lie wholly inside; none for less than a window.

    Reference: Davis and Mermelstein, "Comparison of Parametric Representations for Monosyllabic Word Recognition",
    1980; differences as in Young et al., "The HTK Book", section 5.9.
    """
    static = static_cepstra(waveform)
    first = differences(static)
    return np.concatenate([static, first, differences(first)], axis=1).astype(np.float32)


def static_cepstra(waveform: Float[np.ndarray, " samples"]) -> Float[np.ndarray, "frames 13"]:
    """The coefficients of `mfcc` without the differences."""
    frames = FRONT.frames(len(waveform))
    if not frames:
        return np.zeros((0, COEFFICIENTS), np.float32)
    padded = np.pad(waveform.astype(np.float32), (0, -len(waveform) % BLOCK))
    # Frames that lie in the padding are dropped, so that its length changes nothing.
    log_mel = np.asarray(log_spectrogram(padded[None], FRONT))[0, :, :frames, 0].T
    return np.asarray(dct(log_mel, norm="ortho", axis=1), np.float32)[:, :COEFFICIENTS]


def differences(values: Float[np.ndarray, "frames n"], reach: int = 2) -> Float[np.ndarray, "frames n"]:
    """The slope at each frame by least squares over `reach` frames on either side; the ends are held."""
    if not len(values):
        return values
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    n = len(values)
    slopes = [
        step * (padded[reach + step : reach + step + n] - padded[reach - step : reach - step + n])
        for step in range(1, reach + 1)
    ]
    return np.sum(slopes, axis=0) / (2 * sum(step**2 for step in range(1, reach + 1)))
