"""The tower that hears speech: one-dimensional convolutions over a log-mel spectrogram, of any length.

Padding changes nothing: what lies after the end of a recording counts as zero in every layer.
"""

import itertools
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from avnet.config import at_most, check_numbers
from avnet.errors import ConfigError
from avnet.nn.quantizer import VectorQuantizer


@dataclass(frozen=True)
class SpeechTowerConfig:
    """Sizes of the tower.

    Attributes:
        bands: of the log-mel spectrogram.
        widths: channels of the first convolution and of each stage after it; each stage halves the frame rate.
        blocks: residual blocks in a stage.
        kernel: frames under a convolution, odd.
        quantized_stages: stages (1 is the first) after which vectors are quantized, rising; stage n has a vector every
            2 ** n frames. ResDAVEnet-VQ counts the first convolution too: stages 1 and 2 are its "2" and "3".
        codes: of each quantizer.
        decay: of their moving averages.

    Example:
        >>> avnet.SpeechTowerConfig.paper().widths
        (128, 256, 256, 512, 1024)
    """

    bands: int = 40
    widths: tuple[int, ...] = (128, 256, 256, 512, 1024)
    blocks: int = at_most(64, 2)
    kernel: int = at_most(255, 9)
    quantized_stages: tuple[int, ...] = ()
    codes: int = 1024
    decay: float = 0.99

    def __post_init__(self):
        check_numbers(self)
        if not 2 <= len(self.widths) <= 8 or min(self.widths) < 1:
            raise ConfigError("widths", f"must be two to eight positive channel counts, got {self.widths}")
        if self.bands < 1 or self.blocks < 1 or self.kernel < 1 or self.kernel % 2 == 0:
            raise ConfigError("speech tower", "must have at least one band and one block, and an odd kernel")
        stages = range(1, len(self.widths))
        if not set(self.quantized_stages) <= set(stages) or list(self.quantized_stages) != sorted(
            set(self.quantized_stages)
        ):
            reason = f"must be different stages from 1 to {stages[-1]}, rising, got {self.quantized_stages}"
            raise ConfigError("quantized_stages", reason)
        if self.codes < 2:
            raise ConfigError("codes", f"must be at least 2, got {self.codes}")
        if not 0 < self.decay < 1:
            raise ConfigError("decay", f"must be between 0 and 1, got {self.decay}")

    @property
    def frames_per_code(self) -> int:
        """Frames of the spectrogram for one code of the last quantizer."""
        return 2 ** max(self.quantized_stages, default=0)

    @classmethod
    def paper(cls) -> "SpeechTowerConfig":
        """ResDAVEnet's, as its models were trained: the defaults of the class there are narrower."""
        return cls()

    @classmethod
    def small(cls) -> "SpeechTowerConfig":
        """For a CPU: one block a stage, a third of the width, narrower kernels."""
        return cls(widths=(64, 96, 128, 256, 384), blocks=1, kernel=5)


class SpeechFeatures(NamedTuple):
    """What the tower makes of recordings.

    Attributes:
        features: float [batch, steps, features]; zero after the end.
        steps: int [batch], how many of them belong to each recording.
        commitment: loss of the quantizers, added up; 0 without one.
    """

    features: Float[Array, "batch steps features"]
    steps: Int[Array, "batch"]
    commitment: Float[Array, ""]


class SpeechBlock(nnx.Module):
    """Two convolutions with batch norm around a shortcut."""

    def __init__(self, in_features: int, features: int, kernel: int, stride: int, *, rngs: nnx.Rngs):
        # SAME would place its padding by the parity of the length, so that padding would change the result.
        sides = ((kernel // 2, kernel // 2),)
        he = nnx.initializers.he_normal()
        self.stride = stride
        self.conv1 = nnx.Conv(
            in_features, features, (kernel,), stride, padding=sides, use_bias=False, kernel_init=he, rngs=rngs
        )
        self.norm1 = nnx.BatchNorm(features, momentum=0.9, rngs=rngs)
        self.conv2 = nnx.Conv(features, features, (kernel,), padding=sides, use_bias=False, kernel_init=he, rngs=rngs)
        self.norm2 = nnx.BatchNorm(features, momentum=0.9, rngs=rngs)
        same = stride == 1 and in_features == features
        point = partial(nnx.Conv, in_features, features, (1,), stride, padding="VALID", use_bias=False)
        self.shortcut = None if same else point(rngs=rngs)
        self.shortcut_norm = None if same else nnx.BatchNorm(features, momentum=0.9, rngs=rngs)

    @property
    def layers(self) -> list[nnx.Conv | nnx.BatchNorm]:
        """All that there are."""
        layers = (self.conv1, self.norm1, self.conv2, self.norm2, self.shortcut, self.shortcut_norm)
        return [layer for layer in layers if layer is not None]

    def __call__(
        self, x: Float[Array, "batch in_steps in_features"], steps: Int[Array, "batch"]
    ) -> tuple[Float[Array, "batch steps features"], Int[Array, "batch"]]:
        """Features at every `stride`-th step, and how many belong to each recording."""
        # As many as the convolution gives, whose padding rounds up.
        after = -(-steps // self.stride)
        out_steps = -(-x.shape[1] // self.stride)
        # Norms take their statistics from what is there: padding would pull them towards zero.
        mask = valid(after, out_steps)
        y = _apply_mask(jax.nn.relu(self.norm1(self.conv1(x), mask=mask[..., None])), mask)
        y = self.norm2(self.conv2(y), mask=mask[..., None])
        if self.shortcut is not None and self.shortcut_norm is not None:
            x = self.shortcut_norm(self.shortcut(x), mask=mask[..., None])
        return _apply_mask(jax.nn.relu(x + y), mask), after


class SpeechTower(nnx.Module):
    """A convolution, then stages of residual blocks, each of which halves the frame rate.

    Attributes:
        quantizers: after `SpeechTowerConfig.quantized_stages`, in their order.

    Reference: Harwath et al., "Learning Hierarchical Discrete Linguistic Units from Visually-Grounded Speech", 2020,
        section 3.1 (ResDAVEnet-VQ).
    """

    def __init__(self, config: SpeechTowerConfig, *, rngs: nnx.Rngs):
        self.config = config
        widths, kernel = config.widths, config.kernel
        # Learns the mean and spread of each band, so that no corpus has to be measured before.
        self.input_norm = nnx.BatchNorm(config.bands, momentum=0.9, use_scale=False, use_bias=False, rngs=rngs)
        self.conv = nnx.Conv(config.bands, widths[0], (1,), kernel_init=nnx.initializers.he_normal(), rngs=rngs)
        self.norm = nnx.BatchNorm(widths[0], momentum=0.9, rngs=rngs)
        self.stages = nnx.List(
            nnx.List(
                SpeechBlock(before if i == 0 else width, width, kernel, 2 if i == 0 else 1, rngs=rngs)
                for i in range(config.blocks)
            )
            for before, width in itertools.pairwise(widths)
        )
        self.quantizers = nnx.List(
            VectorQuantizer(config.codes, widths[stage], config.decay, rngs=rngs) for stage in config.quantized_stages
        )
        self.compute(None)

    def compute(self, dtype: DTypeLike | None, *, remat: bool = False) -> None:
        """Chooses how features are computed; parameters, statistics and codes stay float32, as does what comes out.

        Args:
            dtype: bfloat16 is what GPUs and TPUs are fast at; None is that of what the tower is given.
            remat: keep of each block only what goes in, and make the rest again for the gradient.
        """
        self.remat = remat
        blocks = [block for stage in self.stages for block in stage]
        for layer in (self.conv, self.norm, *(layer for block in blocks for layer in block.layers)):
            layer.dtype = dtype

    def __call__(self, log_mel: Float[Array, "batch frames bands"], frames: Int[Array, "batch"]) -> SpeechFeatures:
        """Hears recordings.

        Args:
            log_mel: spectrograms, padded with anything to one length.
            frames: how many belong to each recording, at least 1.
        """
        commitment = jnp.zeros(())
        x, steps = self._begin(log_mel, frames)
        for number, stage in enumerate(self.stages, 1):
            for block in stage:
                x, steps = nnx.remat(SpeechBlock.__call__)(block, x, steps) if self.remat else block(x, steps)
            x, distance = self._quantize(x, steps, number)
            commitment += distance
        return SpeechFeatures(x.astype(jnp.float32), steps, commitment)

    def before_quantizer(
        self, log_mel: Float[Array, "batch frames bands"], frames: Int[Array, "batch"], stage: int
    ) -> tuple[Float[Array, "batch steps features"], Int[Array, "batch"]]:
        """The vectors after a stage, quantized after stages before it alone, and how many belong to each recording."""
        x, steps = self._begin(log_mel, frames)
        for number, blocks in enumerate(list(self.stages)[:stage], 1):
            for block in blocks:
                x, steps = block(x, steps)
            if number < stage:
                x, _ = self._quantize(x, steps, number)
        return x, steps

    def quantizer(self, stage: int) -> VectorQuantizer:
        """The quantizer after a stage, which must have one."""
        return self.quantizers[self.config.quantized_stages.index(stage)]

    def _quantize(self, x: Array, steps: Array, stage: int) -> tuple[Array, Array]:
        """What goes on from a stage, and how far it lies from what came out."""
        if stage not in self.config.quantized_stages:
            return x, jnp.zeros(())
        mask = valid(steps, x.shape[1])
        # Nearest of a thousand codes is not to be told by eight bits.
        x, commitment = self.quantizer(stage)(x.astype(jnp.float32), mask)
        return _apply_mask(x, mask), commitment

    def _begin(self, log_mel: Array, frames: Array) -> tuple[Array, Array]:
        mask = valid(frames, log_mel.shape[1])
        x = _apply_mask(self.input_norm(log_mel, mask=mask[..., None]), mask)
        return _apply_mask(jax.nn.relu(self.norm(self.conv(x), mask=mask[..., None])), mask), frames


def valid(steps: Int[Array, "batch"], total: int) -> Bool[Array, "batch total"]:
    """Which steps belong to each recording."""
    return jnp.arange(total) < steps[:, None]


def masked_mean(x: Float[Array, "batch steps features"], steps: Int[Array, "batch"]) -> Float[Array, "batch features"]:
    """The mean over the steps that belong to each recording; the tower leaves zero after them."""
    return x.sum(axis=1) / jnp.maximum(steps, 1)[:, None]


def _apply_mask(x: Array, mask: Array) -> Array:
    return jnp.where(mask[..., None], x, 0.0)
