"""Recordings of vowels."""

import numpy as np

from avnet.audio.pcm import SPEECH_RATE
from avnet.units.strings import UnitString

VOWELS = ((300.0, 2300.0), (700.0, 1100.0), (400.0, 800.0))


def vowel(number: int, seconds: float, rng: np.random.Generator, pitch: float = 120) -> np.ndarray:
    """Two formants over a buzz of a voice, whose pitch is in Hz."""
    time = np.arange(round(seconds * SPEECH_RATE)) / SPEECH_RATE
    harmonics = pitch * np.arange(1, int(4800 / pitch))
    buzz = sum(np.sin(2 * np.pi * hertz * time) * level(hertz, VOWELS[number]) for hertz in harmonics)
    return (0.1 * buzz + 0.001 * rng.standard_normal(len(time))).astype(np.float32)


def level(frequency: float, formants: tuple[float, float]) -> float:
    return max(1 / (1 + ((frequency - formant) / 80) ** 2) for formant in formants)


def vowels(numbers: list[int], seed: int = 0, pitch: float = 120) -> np.ndarray:
    """Vowels of 0.2 s each."""
    rng = np.random.default_rng(seed)
    return np.concatenate([vowel(number, 0.2, rng, pitch) for number in numbers])


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def vowel_strings(seeds: int = 4, pitch: float = 120) -> tuple[list[np.ndarray], list[UnitString]]:
    """Recordings of three vowels of 0.2 s, each vowel a unit."""
    waveforms, strings = [], []
    for seed in range(seeds):
        numbers = [(seed + i) % 3 for i in range(6)]
        waveforms.append(vowels(numbers, seed, pitch))
        strings.append(UnitString(np.array(numbers), np.arange(6) * 20, 118))
    return waveforms, strings
