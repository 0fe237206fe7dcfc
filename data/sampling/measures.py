"""How loud a sound is, how much of it a voice may be, and how much moves in a video."""

import numpy as np
from PIL import Image

SILENCE_DBFS = -100.0
TINY = (32, 32)
# Of a voice: a window holds two periods or more; its pitch, Hz; how much it repeats itself, as a correlation; how far
# it lies below the loudest window at most, dB.
VOICE_WINDOW_S, VOICE_HOP_S = 0.04, 0.02
VOICE_HZ = (62.5, 500.0)
VOICE_CORRELATION = 0.7
VOICE_RANGE_DB = 30.0
# Enough for a pitch, Hz, and less to compute.
VOICE_RATE = 8_000


def loudness_dbfs(samples: np.ndarray, clip_samples: int) -> float:
    """Level of the loudest clip of a sound.

    Args:
        samples: float [n] in [-1, 1].
        clip_samples: length of a clip.

    Returns:
        dB relative to full scale; -100 for digital silence and below.
    """
    parts = np.array_split(samples, max(1, len(samples) // max(1, clip_samples)))
    power = max(float(np.mean(np.square(part))) if len(part) else 0.0 for part in parts)
    return max(SILENCE_DBFS, 10 * float(np.log10(power))) if power > 0 else SILENCE_DBFS


def voiced_s(samples: np.ndarray, rate: int) -> float:
    """How long something in a sound vibrates as a voice does; whispering, noise, clicks and hum do not.

    A window counts if its correlation with itself has a peak at a period of the human voice. An instrument or an animal
    may have one too.

    Args:
        samples: float [n] in [-1, 1].
        rate: Hz.

    Returns:
        Seconds.

    Reference: Boersma, "Accurate Short-Term Analysis of the Fundamental Frequency and the Harmonics-to-Noise Ratio of a
    Sampled Sound", 1993; each lag is divided by the energy of the two parts that overlap instead of by the
    autocorrelation of the window.
    """
    step = max(1, rate // VOICE_RATE)
    samples, rate = samples[: len(samples) // step * step].reshape(-1, step).mean(axis=1), rate // step
    size, hop = round(VOICE_WINDOW_S * rate), round(VOICE_HOP_S * rate)
    if len(samples) < size:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop].astype(np.float64)
    windows = windows - windows.mean(axis=1, keepdims=True)
    energy = np.cumsum(np.square(windows), axis=1)
    loud = energy[:, -1] > max(float(energy[:, -1].max()) * 10 ** (-VOICE_RANGE_DB / 10), 1e-12)
    windows, energy = windows[loud], energy[loud]
    spectrum = np.fft.rfft(windows, 2 * size, axis=1)
    products = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)
    lags = np.arange(int(rate / VOICE_HZ[1]), int(rate / VOICE_HZ[0]) + 1)
    head, tail = energy[:, size - 1 - lags], energy[:, -1:] - energy[:, lags - 1]
    # Of the two parts that overlap at a lag, or long lags would always look less alike.
    correlation = products[:, lags] / np.maximum(np.sqrt(head * tail), 1e-12)
    # A peak, not a slope: what vibrates more slowly than a voice correlates best at the shortest lag.
    inner = correlation[:, 1:-1]
    peak = (inner >= correlation[:, :-2]) & (inner >= correlation[:, 2:]) & (inner >= VOICE_CORRELATION)
    return float(peak.any(axis=1).sum()) * VOICE_HOP_S


class Motion:
    """The mean difference of grey levels between frames that follow each other, made tiny first."""

    def __init__(self):
        self._before: np.ndarray | None = None
        self._differences: list[float] = []

    def add(self, image: np.ndarray) -> None:
        """Takes the next frame, uint8 RGB [height, width, 3]."""
        small = Image.fromarray(image).resize(TINY, Image.Resampling.BOX).convert("L")
        grey = np.asarray(small, np.float32)
        if self._before is not None:
            self._differences.append(float(np.abs(grey - self._before).mean()))
        self._before = grey

    @property
    def level(self) -> float:
        """In [0, 255]; 0 where nothing moves or there is one frame."""
        return float(np.mean(self._differences)) if self._differences else 0.0
