"""Sounds that do not fit an image, or not all of them: silence, noise, wind, another scene's, and speech over its own.

Every choice is a function of the seed and the scene's place, so a part of a test set gets the same sounds as
the whole.

Reference: Juanola et al., "A critical assessment of visual sound source localization models including
negative audio", 2024.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from eval.readers.scene import Scene

NOISE_RMS = 0.1
# Of wind: the lowest frequency that is heard, Hz, and seconds from gust to gust.
LOWEST, GUST_S = 20.0, 1.5


def silence(samples: int) -> Float32[np.ndarray, " samples"]:
    """Digital silence."""
    return np.zeros(samples, np.float32)


def noise(samples: int, seed: int, place: int) -> Float32[np.ndarray, " samples"]:
    """White Gaussian noise of RMS 0.1, clipped to [-1, 1]."""
    values = np.random.default_rng((seed, place)).normal(0.0, NOISE_RMS, samples)
    return np.clip(values, -1.0, 1.0).astype(np.float32)


def wind(samples: int, sample_rate: int, seed: int, place: int) -> Float32[np.ndarray, " samples"]:
    """What wind does to a microphone: brown noise in slow gusts, RMS 0.1, clipped to [-1, 1].

    Brown noise falls by 6 dB an octave, and below 20 Hz, where nobody hears, it is left out. A gust comes about every
    second and a half.
    """
    random = np.random.default_rng((seed, place, 2))
    spectrum = np.fft.rfft(random.normal(0.0, 1.0, samples))
    frequencies = np.fft.rfftfreq(samples, 1 / sample_rate)
    brown = np.fft.irfft(np.where(frequencies < LOWEST, 0.0, spectrum / np.maximum(frequencies, LOWEST)), samples)
    times = np.arange(samples) / sample_rate
    gusts = 1.0 + 0.6 * np.sin(2 * np.pi * (times / GUST_S + random.uniform()))
    values = brown * gusts
    values *= NOISE_RMS / max(float(np.sqrt(np.mean(values**2))), 1e-12)
    return np.clip(values, -1.0, 1.0).astype(np.float32)


def mixed(own: Float32[np.ndarray, " samples"], other: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, "_"]:
    """A sound with another over it at 0 dB, as loud as the first; the peak is brought down to 1 where it is above.

    Where either is silent the first is what remains.
    """
    levels = [float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) for sound in (own, other)]
    if min(levels) == 0.0:
        return own
    sum_of_both = own + levels[0] / levels[1] * other
    return (sum_of_both / max(1.0, float(np.abs(sum_of_both).max()))).astype(np.float32)


def partners(scenes: Sequence[Scene], place: int, seed: int, count: int = 5) -> list[int]:
    """Places of scenes whose sound nothing in this image makes, in a random order.

    A partner's class is neither seen nor heard here. Where this scene has no class, any other scene is one:
    that its sound does not fit is then likely, not known.

    Args:
        scenes: the whole test set.
        place: of the scene whose image it is.
        seed: of the order.
        count: partners at most; one may turn out to be damaged.
    """
    own = scenes[place]
    own_classes = {*own.visible, own.label} - {""}
    # The 1 keeps this stream apart from that of the noise.
    order = np.random.default_rng((seed, place, 1)).permutation(len(scenes))
    fitting = (int(i) for i in order if i != place and _foreign(scenes[int(i)], own_classes))
    return [other for other, _ in zip(fitting, range(count), strict=False)]


def _foreign(other: Scene, own_classes: set[str]) -> bool:
    # Silence is a test of its own.
    if other.silent:
        return False
    # A sound without a label may be of this very class.
    return not own_classes or (other.label != "" and other.label not in own_classes)
