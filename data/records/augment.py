"""Augmentation on the accelerator: random crop, flip, brightness, saturation of images; gain of sound.

Reference: Arandjelovic and Zisserman, "Objects that Sound", 2018, section 3.1. Beyond it, for small collections: the
crop's scale and the white balance may vary, a rectangle of the image may be erased (Zhong et al., "Random Erasing",
2020), the spectrogram may be transposed and equalised, and stripes of it hidden (Park et al., "SpecAugment", 2019).
"""

from dataclasses import asdict, dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int16, Key, UInt8

from avnet.audio.pcm import from_pcm
from avnet.errors import ConfigError
from avnet.moments.flow import NO_MOTION

EQUALIZER_BANDS = 6


@dataclass(frozen=True)
class AugmentConfig:
    """Strengths.

    Attributes:
        min_scale: shortest side of the crop as a share of the canvas; the longest is 1. The paper's crop is fixed at
            224 / 256 = 0.875, so a minimum of 0.875 is nearest to it.
        brightness: largest relative change.
        saturation: largest relative change.
        gain_db: largest change of the clip's level, either way.
        white_balance: largest relative change of red, of green and of blue.
        erase: largest side of the erased rectangle, as a share of the image's.
        transposition: largest shift of the spectrogram along frequency, as a share of its rows; on mel bands nearly a
            change of pitch.
        equalizer_db: largest change of a band's level; in between it varies smoothly.
        frequency_mask: largest share of the spectrogram's rows hidden by one stripe.
        time_mask: largest share of its columns hidden by one stripe.
    """

    min_scale: float = 0.875
    brightness: float = 0.2
    saturation: float = 0.2
    gain_db: float = 6.0
    white_balance: float = 0.0
    erase: float = 0.0
    transposition: float = 0.0
    equalizer_db: float = 0.0
    frequency_mask: float = 0.0
    time_mask: float = 0.0

    def __post_init__(self):
        if not 0 < self.min_scale <= 1:
            raise ConfigError("min_scale", f"must be above 0 and at most 1, got {self.min_scale}")
        for name, strength in asdict(self).items():
            if strength < 0:
                raise ConfigError(name, f"must be at least 0, got {strength}")
            if name not in ("min_scale", "gain_db", "equalizer_db") and strength >= 1:
                raise ConfigError(name, f"must be below 1, got {strength}")

    @classmethod
    def paper(cls) -> "AugmentConfig":
        """What the paper names, at strengths of our own: it prints none."""
        return cls()

    @classmethod
    def strong(cls) -> "AugmentConfig":
        """For collections of hours rather than months."""
        return cls(
            min_scale=0.5,
            brightness=0.4,
            saturation=0.4,
            gain_db=10.0,
            white_balance=0.2,
            erase=0.4,
            transposition=0.05,
            equalizer_db=9.0,
            frequency_mask=0.3,
            time_mask=0.3,
        )


def augment_images(
    key: Key[Array, ""],
    images: UInt8[Array, "batch canvas canvas channels"],
    size: int,
    config: AugmentConfig,
    flow_fields: int = 0,
) -> Float[Array, "batch size size channels"]:
    """Crops, flips, jitters and erases a part of each image on its own; all frames of a moment alike.

    Args:
        key: fixes the draw.
        images: square images, or moments as in `avnet.moments.moment`.
        size: side of the result, pixels.
        config: strengths.
        flow_fields: of a moment; what moves to the right moves to the left in a mirror.

    Returns:
        float32 in [0, 1].
    """
    keys = jax.random.split(key, images.shape[0])
    return jax.vmap(lambda k, image: _augment_image(k, image, size, config, flow_fields))(keys, images)


def _augment_image(key, image, size, config, flow_fields):
    scale_key, place_key, flip_key, bright_key, colour_key, white_key, erase_key = jax.random.split(key, 7)
    canvas = image.shape[0]
    side = canvas * jax.random.uniform(scale_key, minval=config.min_scale, maxval=1.0)
    corner = jax.random.uniform(place_key, (2,)) * (canvas - side)
    flip = jax.random.bernoulli(flip_key)
    rows = _interpolation(canvas, size, corner[0], side)
    columns = _interpolation(canvas, size, corner[1], side)
    # The weights are mirrored, not the pixels: one product crops, scales and flips.
    columns = jnp.where(flip, columns[::-1], columns)
    cropped = jnp.einsum("ih,hwc,jw->ijc", rows, image.astype(jnp.float32) / 255.0, columns)
    brightness = 1 + config.brightness * jax.random.uniform(bright_key, minval=-1.0)
    saturation = 1 + config.saturation * jax.random.uniform(colour_key, minval=-1.0)
    frames, motion = jnp.split(cropped, [image.shape[-1] - 2 * flow_fields], axis=-1)
    frames = frames.reshape(size, size, -1, 3)
    grey = frames.mean(axis=-1, keepdims=True)
    white = 1 + config.white_balance * jax.random.uniform(white_key, (3,), minval=-1.0)
    frames = jnp.clip((grey + saturation * (frames - grey)) * brightness * white, 0.0, 1.0)
    rows, columns = _stripe(erase_key, 2, size, config.erase)
    erased = (rows[:, None] & columns)[..., None]
    frames = jnp.where(erased[..., None], frames.mean(axis=(0, 1)), frames).reshape(size, size, -1)
    if not flow_fields:
        return frames
    still = NO_MOTION / 255.0
    mirror = jnp.tile(jnp.where(flip, jnp.array([-1.0, 1.0]), 1.0), flow_fields)
    return jnp.concatenate([frames, jnp.where(erased, still, still + mirror * (motion - still))], axis=-1)


def _interpolation(canvas: int, size: int, corner, side):
    """Weights [size, canvas] of a linear, antialiased resampling of `side` pixels from `corner` on."""
    step = side / size
    centres = corner + (jnp.arange(size) + 0.5) * step - 0.5
    # Wider where the crop is scaled down, or fine stripes would alias.
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
    return from_pcm(waveforms)


def augment_spectrograms(
    key: Key[Array, ""], spectrograms: Float[Array, "batch bins frames 1"], config: AugmentConfig
) -> Float[Array, "batch bins frames 1"]:
    """Transposes and equalises each spectrogram (natural logarithm) and hides one stripe of rows and one of columns.

    Args:
        key: fixes the draw.
        spectrograms: of the batch.
        config: strengths.
    """
    shift_key, band_key, row_key, column_key = jax.random.split(key, 4)
    batch, bins, frames, _ = spectrograms.shape
    shift = bins * config.transposition * jax.random.uniform(shift_key, (batch,), minval=-1.0)
    level_db = config.equalizer_db * jax.random.uniform(band_key, (batch, EQUALIZER_BANDS), minval=-1.0)
    # Decibels as natural logarithms of magnitude.
    result = jax.vmap(_transpose)(spectrograms, shift) + jnp.log(10.0) / 20.0 * _curves(level_db, bins)
    mask = _stripe(row_key, batch, bins, config.frequency_mask)[:, :, None, None]
    mask = mask | _stripe(column_key, batch, frames, config.time_mask)[:, None, :, None]
    return jnp.where(mask, result.mean(axis=(1, 2), keepdims=True), result)


def _transpose(spectrogram, shift):
    """Rows `shift` further up, linear between two; what would come from outside repeats the edge."""
    bins = spectrogram.shape[0]
    position = jnp.clip(jnp.arange(bins) + shift, 0, bins - 1)
    below = jnp.floor(position).astype(int)
    share = (position - below)[:, None, None]
    return (1 - share) * spectrogram[below] + share * spectrogram[jnp.minimum(below + 1, bins - 1)]


def _curves(levels, bins: int):
    """Levels [batch, bands], linear in between, as [batch, bins, 1, 1]."""
    bands = levels.shape[1]
    position = jnp.linspace(0, bands - 1, bins)
    return jax.vmap(lambda knots: jnp.interp(position, jnp.arange(bands), knots))(levels)[:, :, None, None]


def _stripe(key, batch: int, length: int, largest: float):
    size_key, place_key = jax.random.split(key)
    size = length * largest * jax.random.uniform(size_key, (batch, 1))
    start = jax.random.uniform(place_key, (batch, 1)) * (length - size)
    position = jnp.arange(length) + 0.5
    return (position > start) & (position < start + size)
