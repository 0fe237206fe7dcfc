"""The pitch of a voice and where there is any: peaks of the autocorrelation, and the best path through them.

Reference: Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound", 1993. Differences: peaks are interpolated by parabolas, for which the spectrum is cut at 2 kHz; it makes
them round; and an octave costs .03, with which real voices are less often taken for an octave too low.
"""

from functools import cache

import numpy as np
from jaxtyping import Float, Int

from avnet.audio.pcm import SPEECH_RATE
from avnet.audio.spectrogram import hann
from avnet.synthesizers.source_filter.fourier import irfft, power_of, rfft
from avnet.synthesizers.source_filter.parameters import HOP
from avnet.synthesizers.source_filter.windows import centred

# Hz, from the lowest of men to the highest of children.
F0_MIN, F0_MAX = 60.0, 500.0
# Of the whole recording where no frame has a pitch: the middle of the range.
NO_F0 = float(np.sqrt(F0_MIN * F0_MAX))
LAGS = np.arange(int(SPEECH_RATE / F0_MAX) - 1, int(SPEECH_RATE / F0_MIN) + 3)
# Three of the longest periods.
WINDOW = int(3 * SPEECH_RATE / F0_MIN)
# At least the sum of both, and quick to transform.
TRANSFORM = 1080
# Hz: above, harmonics are weighted down over an octave.
CUT = 2000.0
# As published but for octaves: what a voice must be more alike to itself than, and its share of the greatest loudness.
VOICING_THRESHOLD, SILENCE_THRESHOLD = 0.45, 0.03
OCTAVE_COST, OCTAVE_JUMP_COST, VOICING_COST = 0.03, 0.35, 0.14
# Costs of steps are for 10 ms.
STEP = 0.01 * SPEECH_RATE / HOP
CANDIDATES = 6


def pitch(waveform: Float[np.ndarray, " samples"], frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Pitch and voicing of every frame.

    Args:
        waveform: mono at 16 kHz.
        frames: of 5 ms.

    Returns:
        float32 [frames] each: natural logarithm of Hz, interpolated where there is no pitch; 1 where there is, else 0.
    """
    f0, strengths = candidates(waveform, frames)
    path = best_path(f0, strengths)
    chosen = np.take_along_axis(f0, path[:, None], axis=1)[:, 0]
    voiced = chosen > 0
    if not voiced.any():
        return np.full(frames, np.log(NO_F0), np.float32), np.zeros(frames, np.float32)
    places = np.arange(frames)
    log_f0 = np.interp(places, places[voiced], np.log(chosen[voiced]))
    return log_f0.astype(np.float32), voiced.astype(np.float32)


def candidates(waveform: Float[np.ndarray, " samples"], frames: int) -> tuple[np.ndarray, np.ndarray]:
    """What the pitch of each frame may be, and how well that agrees with the sound.

    Returns:
        float64 [frames, 7] each: Hz and strength. The first candidate is that there is none, 0 Hz; what is missing
        has the strength -inf.
    """
    f0, strengths = np.zeros((frames, CANDIDATES + 1)), np.full((frames, CANDIDATES + 1), -np.inf)
    loudest = np.zeros(frames)
    for block, windows in centred(waveform, frames, WINDOW):
        windows = windows - windows.mean(axis=1, keepdims=True)
        loudest[block] = np.abs(windows[:, WINDOW // 3 : -WINDOW // 3]).max(axis=1)
        likeness = _autocorrelation(windows)
        f0[block, 1:], strengths[block, 1:] = _peaks(likeness)
    silence = loudest / max(float(loudest.max(initial=0.0)), 1e-9) / (SILENCE_THRESHOLD / (1 + VOICING_THRESHOLD))
    strengths[:, 0] = VOICING_THRESHOLD + np.maximum(0.0, 2.0 - silence)
    return f0, strengths


def best_path(
    f0: Float[np.ndarray, "frames n"], strengths: Float[np.ndarray, "frames n"]
) -> Int[np.ndarray, " frames"]:
    """The candidate of each frame with which strengths less costs of jumps are greatest (Viterbi)."""
    frames, n = f0.shape
    if not frames:
        return np.zeros(0, np.int64)
    voiced = f0 > 0
    octaves = np.log2(np.where(voiced, f0, 1.0))
    best, back = strengths[0], np.zeros((frames, n), np.int64)
    jumps = OCTAVE_JUMP_COST * STEP * np.abs(octaves[1:, :, None] - octaves[:-1, None, :])
    costs = np.where(voiced[1:, :, None] & voiced[:-1, None, :], jumps, 0.0)
    costs += VOICING_COST * STEP * (voiced[1:, :, None] != voiced[:-1, None, :])
    every = np.arange(n)
    for frame in range(1, frames):
        scores = best - costs[frame - 1]
        back[frame] = scores.argmax(axis=1)
        best = scores[every, back[frame]] + strengths[frame]
    path = np.zeros(frames, np.int64)
    path[-1] = best.argmax()
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = back[frame, path[frame]]
    return path


@cache
def _shape() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The window, what it makes of the autocorrelation of a constant, and the weights of frequencies."""
    window = hann(WINDOW)
    power = power_of(rfft(window, TRANSFORM))
    frequency = np.arange(TRANSFORM // 2 + 1) * SPEECH_RATE / TRANSFORM
    low_pass = 1.0 / (1.0 + (frequency / CUT) ** 8)
    decay = irfft(power, TRANSFORM)
    return window.astype(np.float32), (decay / decay[0])[LAGS].astype(np.float32), low_pass.astype(np.float32)


def _autocorrelation(windows: Float[np.ndarray, "frames n"]) -> Float[np.ndarray, "frames lags"]:
    """At most 1, at the lags of `LAGS`; 0 in silence."""
    window, decay, low_pass = _shape()
    correlation = irfft(power_of(rfft(windows * window, TRANSFORM)) * low_pass, TRANSFORM)
    energy = correlation[:, :1]
    likeness = correlation[:, LAGS] / (np.maximum(energy, 1e-9) * decay)
    return np.where(energy > 1e-9, likeness, 0.0)


def _peaks(likeness: Float[np.ndarray, "frames lags"]) -> tuple[np.ndarray, np.ndarray]:
    """Hz and strength of the greatest maxima of each frame, as many as there may be candidates."""
    middle, left, right = likeness[:, 1:-1], likeness[:, :-2], likeness[:, 2:]
    scores = np.where((middle > left) & (middle >= right) & (middle > 0), middle, -np.inf)
    # Short lags first: of equal peaks at one, two, three periods the first must be among those that are kept.
    biased = scores - OCTAVE_COST * np.log2(LAGS[1:-1] / LAGS[0])
    places = np.argpartition(-biased, CANDIDATES, axis=1)[:, :CANDIDATES]
    rows = np.arange(len(likeness))[:, None]
    a, b, c = left[rows, places], middle[rows, places], right[rows, places]
    curve = a - 2 * b + c
    shift = np.where(curve < 0, 0.5 * (a - c) / np.minimum(curve, -1e-12), 0.0)
    height = b - 0.25 * (a - c) * shift
    # Beyond 1 is the window's error, as far from the truth as its inverse.
    height = np.where(height > 1, 1 / np.maximum(height, 1.0), height)
    lag = LAGS[places + 1] + np.clip(shift, -1.0, 1.0)
    exists = np.isfinite(scores[rows, places])
    strength = height - OCTAVE_COST * np.log2(F0_MIN * lag / SPEECH_RATE)
    return np.where(exists, SPEECH_RATE / lag, 0.0), np.where(exists, strength, -np.inf)
