"""Sounds that nothing in the image makes: silence, noise, and the sound of another scene.

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


def silence(samples: int) -> Float32[np.ndarray, " samples"]:
    """Digital silence."""
    return np.zeros(samples, np.float32)


def noise(samples: int, seed: int, place: int) -> Float32[np.ndarray, " samples"]:
    """White Gaussian noise of RMS 0.1, clipped to [-1, 1]."""
    values = np.random.default_rng((seed, place)).normal(0.0, NOISE_RMS, samples)
    return np.clip(values, -1.0, 1.0).astype(np.float32)


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
