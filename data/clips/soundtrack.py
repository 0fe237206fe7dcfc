"""The sound of a composed clip: one recording, trimmed, repeated where it is short, at an even level."""

from pathlib import Path

import numpy as np

from avnet.errors import Silent, TooShort
from avnet.media.audio import SAMPLE_RATE, read_waveform

# More of a recording is not kept.
MAX_SOUND_S = 60.0
MIN_SOUND_S = 0.05
# A recording whose loudest 10 ms lie below this has nothing to hear, dB relative to full scale.
SILENCE_DBFS = -50.0
# Its ends are trimmed where they lie this far below its loudest 10 ms, dB.
TRIM_DB = 40.0
LEVEL_DBFS = -20.0
GAIN_DB = 4.0
GAP_S = (0.05, 0.3)
FADE_S = 0.008
PEAK = 0.98


def read_sound(path: str | Path) -> np.ndarray:
    """Reads a recording without the silence at its ends.

    Returns:
        float32 [n] mono at 48 kHz, at most `MAX_SOUND_S` long.

    Raises:
        Silent: there is nothing to hear.
        TooShort: what can be heard is shorter than `MIN_SOUND_S`.
        MediaError: the file cannot be read.
    """
    samples = trim(read_waveform(path, SAMPLE_RATE).samples)
    if len(samples) == 0:
        raise Silent(path, f"is silent (below {SILENCE_DBFS:g} dBFS throughout)")
    if len(samples) < MIN_SOUND_S * SAMPLE_RATE:
        raise TooShort(path, f"has {len(samples) / SAMPLE_RATE:.3f} s of sound; {MIN_SOUND_S:g} s are needed")
    return samples[: int(MAX_SOUND_S * SAMPLE_RATE)]


def trim(samples: np.ndarray) -> np.ndarray:
    """The samples [n] from the first to the last 10 ms that can be heard; none when all are silent."""
    step = SAMPLE_RATE // 100
    padded = np.pad(samples, (0, -len(samples) % step)).reshape(-1, step)
    level = np.sqrt(np.mean(np.square(padded, dtype=np.float64), axis=1))
    loudest = level.max(initial=0.0)
    if loudest < 10 ** (SILENCE_DBFS / 20):
        return samples[:0]
    audible = np.flatnonzero(level >= loudest * 10 ** (-TRIM_DB / 20))
    return samples[audible[0] * step : (audible[-1] + 1) * step]


def soundtrack(rng: np.random.Generator, sound: np.ndarray, length: int) -> np.ndarray:
    """Fills a clip with a recording.

    A long one is cut at a random place; a short one is repeated with gaps of at most 0.3 s and starts at any
    point. The result has about -20 dBFS RMS with a random gain of +-4 dB, less where its peaks would clip.

    Args:
        rng: the source of chance.
        sound: float [n], the trimmed recording.
        length: samples wanted.

    Returns:
        float32 [length] in [-1, 1].
    """
    clip = _cut(rng, sound, length) if len(sound) >= length else _repeat(rng, sound, length)
    clip = _fade(clip)
    level = np.sqrt(np.mean(np.square(clip, dtype=np.float64)))
    gain = 10 ** ((LEVEL_DBFS + rng.uniform(-GAIN_DB, GAIN_DB)) / 20) / max(float(level), 1e-9)
    gain = min(gain, PEAK / max(float(np.abs(clip).max()), 1e-9))
    return (clip * gain).astype(np.float32)


def _cut(rng: np.random.Generator, sound: np.ndarray, length: int) -> np.ndarray:
    """One of the places, 10 ms apart, that are not much quieter than the whole or are the loudest."""
    starts = np.arange(0, len(sound) - length + 1, SAMPLE_RATE // 100)
    # In float64: differences of a long running sum would lose the quiet places in float32.
    energy = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    cut_energy = energy[starts + length] - energy[starts]
    # Bounded by the loudest cut, so that there is always one to take.
    loud = starts[cut_energy >= min(energy[-1] * length / len(sound) / 4, cut_energy.max())]
    start = int(rng.choice(loud))
    return sound[start : start + length]


def _repeat(rng: np.random.Generator, sound: np.ndarray, length: int) -> np.ndarray:
    unit = _fade(sound)
    start = int(rng.integers(0, len(unit)))
    parts, have = [unit[start:]], len(unit) - start
    while have < length:
        gap = np.zeros(int(rng.uniform(*GAP_S) * SAMPLE_RATE), np.float32)
        parts += [gap, unit]
        have += len(gap) + len(unit)
    return np.concatenate(parts)[:length]


def _fade(samples: np.ndarray) -> np.ndarray:
    """The same with short ramps at both ends, so that joins do not click."""
    n = min(int(FADE_S * SAMPLE_RATE), len(samples) // 2)
    ramp = np.ones(len(samples), np.float32)
    ramp[:n] = (np.arange(n) + 0.5) / max(n, 1)
    ramp[len(samples) - n :] = ramp[:n][::-1]
    return samples * ramp
