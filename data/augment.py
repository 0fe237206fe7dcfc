"""Augmentation on the accelerator: random crop, flip, brightness, saturation of pictures; gain of sound.

Reference: Arandjelovic and Zisserman, "Objects that Sound", 2018, section 3.1. Beyond it: the crop's scale may vary,
and stripes of the spectrogram may be hidden (Park et al., "SpecAugment", 2019), which small collections need.
"""

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int16, Key, UInt8

from avnet.errors import ConfigError

AugmentationName = Literal["paper", "strong"]


@dataclass(frozen=True)
class AugmentConfig:
    """Strengths.

    Attributes:
        min_scale: shortest side of the crop as a share of the canvas; the longest is 1. The paper's crop is fixed at
            224 / 256 = 0.875, so a minimum of 0.875 is nearest to it.
        brightness: largest relative change.
        saturation: largest relative change.
        gain_db: largest change of the clip's level, either way.
        frequency_mask: largest share of the spectrogram's rows hidden by one stripe.
        time_mask: largest share of its columns hidden by one stripe.
    """

    min_scale: float = 0.875
    brightness: float = 0.2
    saturation: float = 0.2
    gain_db: float = 6.0
    frequency_mask: float = 0.0
    time_mask: float = 0.0

    def __post_init__(self):
        if not 0 < self.min_scale <= 1:
            raise ConfigError("min_scale", f"wants a share in (0, 1], got {self.min_scale}")
        if min(self.brightness, self.saturation, self.gain_db, self.frequency_mask, self.time_mask) < 0:
            raise ConfigError("augmentation", "strengths want to be at least 0")
        if max(self.brightness, self.saturation, self.frequency_mask, self.time_mask) >= 1:
            raise ConfigError("augmentation", "shares want to be below 1")

    @classmethod
    def paper(cls) -> "AugmentConfig":
        """What the paper names, at strengths of our own: it prints none."""
        return cls()

    @classmethod
    def strong(cls) -> "AugmentConfig":
        """For collections of hours rather than months."""
        return cls(min_scale=0.5, brightness=0.4, saturation=0.4, gain_db=10.0, frequency_mask=0.3, time_mask=0.3)


def augment_images(
    key: Key[Array, ""], images: UInt8[Array, "batch canvas canvas 3"], size: int, config: AugmentConfig
) -> Float[Array, "batch size size 3"]:
    """Crops, flips and jitters each picture on its own.

    Args:
        key: fixes the draw.
        images: square pictures.
        size: side of the result, pixels.
        config: strengths.

    Returns:
        float32 in [0, 1].
    """
    keys = jax.random.split(key, images.shape[0])
    return jax.vmap(lambda k, image: _augment_image(k, image, size, config))(keys, images)


def _augment_image(key, image, size, config):
    scale_key, place_key, flip_key, bright_key, colour_key = jax.random.split(key, 5)
    canvas = image.shape[0]
    side = canvas * jax.random.uniform(scale_key, minval=config.min_scale, maxval=1.0)
    corner = jax.random.uniform(place_key, (2,)) * (canvas - side)
    flip = jax.random.bernoulli(flip_key)
    rows = _interpolation(canvas, size, corner[0], side)
    columns = _interpolation(canvas, size, corner[1], side)
    columns = jnp.where(flip, columns[::-1], columns)
    cropped = jnp.einsum("ih,hwc,jw->ijc", rows, image.astype(jnp.float32) / 255.0, columns)
    brightness = 1 + config.brightness * jax.random.uniform(bright_key, minval=-1.0)
    saturation = 1 + config.saturation * jax.random.uniform(colour_key, minval=-1.0)
    grey = cropped.mean(axis=-1, keepdims=True)
    return jnp.clip((grey + saturation * (cropped - grey)) * brightness, 0.0, 1.0)


def _interpolation(canvas: int, size: int, corner, side):
    """Weights [size, canvas] of a linear, antialiased resampling of `side` pixels from `corner` on."""
    step = side / size
    centres = corner + (jnp.arange(size) + 0.5) * step - 0.5
    width = jnp.maximum(step, 1.0)
    weights = jnp.maximum(0.0, 1.0 - jnp.abs(jnp.arange(canvas) - centres[:, None]) / width)
    return weights / weights.sum(axis=1, keepdims=True)


def augment_waveforms(
    key: Key[Array, ""], waveforms: Int16[Array, "batch samples"], config: AugmentConfig
) -> Float[Array, "batch samples"]:
    """int16 sound to float32, each clip at a level of its own; may exceed 1, nothing is clipped."""
    gain_db = config.gain_db * jax.random.uniform(key, (waveforms.shape[0], 1), minval=-1.0)
    return to_float(waveforms) * 10.0 ** (gain_db / 20.0)


def to_float(waveforms: Int16[Array, "batch samples"]) -> Float[Array, "batch samples"]:
    """int16 sound to float32 in [-1, 1]."""
    return waveforms.astype(jnp.float32) / 32767.0


def mask_spectrograms(
    key: Key[Array, ""], spectrograms: Float[Array, "batch bins frames 1"], config: AugmentConfig
) -> Float[Array, "batch bins frames 1"]:
    """Sets one random stripe of rows and one of columns to the clip's mean."""
    row_key, column_key = jax.random.split(key)
    batch, bins, frames, _ = spectrograms.shape
    hidden = _stripe(row_key, batch, bins, config.frequency_mask)[:, :, None, None]
    hidden = hidden | _stripe(column_key, batch, frames, config.time_mask)[:, None, :, None]
    return jnp.where(hidden, spectrograms.mean(axis=(1, 2), keepdims=True), spectrograms)


def _stripe(key, batch: int, length: int, largest: float):
    size_key, place_key = jax.random.split(key)
    size = length * largest * jax.random.uniform(size_key, (batch, 1))
    start = jax.random.uniform(place_key, (batch, 1)) * (length - size)
    position = jnp.arange(length) + 0.5
    return (position > start) & (position < start + size)
