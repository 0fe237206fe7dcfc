"""The network: context at the rate of units, each repeated for its duration, detail at the rate of frames."""

import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from avnet.nn.precision import compute_in
from avnet.nn.standard import Standard
from avnet.synthesizers.frame_model.config import FrameModelConfig
from avnet.synthesizers.layers.convnext import ConvNeXtBlock
from avnet.synthesizers.layers.durations import DurationPredictor
from avnet.synthesizers.layers.length_regulator import frames_of

# What a frame is told of where it stands in its unit.
PLACE = 4


class FrameModel(nnx.Module):
    """From unit strings with durations to one vector a frame.

    As FastSpeech 2 without its predictors of pitch and energy inside: pitch is one of the columns. Units bring their
    durations along from the recordings, so neither an aligner nor attention is needed.

    Attributes:
        standard: the scale of each column in the frames that were learned from.

    Reference: Ren et al., "FastSpeech 2", 2021, section 2; blocks of Siuzdak, "Vocos", 2023, in place of transformers.
    """

    remat: bool = False

    def __init__(self, config: FrameModelConfig, *, rngs: nnx.Rngs):
        self.config = config
        width = config.width
        self.duration = DurationPredictor(config.units, config.duration_width, rngs=rngs)
        self.embed = nnx.Embed(config.units, width, rngs=rngs)
        self.length = nnx.Linear(1, width, rngs=rngs)
        blocks = max(1, config.unit_blocks + config.frame_blocks)

        def stack(count: int) -> nnx.List:
            return nnx.List([ConvNeXtBlock(width, config.expansion, 1 / blocks, rngs=rngs) for _ in range(count)])

        self.unit_blocks, self.frame_blocks = stack(config.unit_blocks), stack(config.frame_blocks)
        self.place = nnx.Linear(PLACE, width, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=1e-6, rngs=rngs)
        self.head = nnx.Linear(width, config.columns, rngs=rngs)
        self.standard = Standard(config.columns)

    def compute(self, dtype: DTypeLike | None, *, remat: bool = False) -> None:
        """Chooses how frames are computed; parameters stay float32.

        Args:
            dtype: bfloat16 is what GPUs and TPUs are fast at; None is that of what the network is given.
            remat: keep of each block only what goes in, and make the rest again for the gradient.
        """
        compute_in(self, dtype)
        self.remat = remat

    def __call__(
        self, units: Int[Array, "batch n"], durations: Int[Array, "batch n"], frames: int
    ) -> Float[Array, "batch frames columns"]:
        """What frames hold, standardized; `standard.restore` brings it to its own scale.

        Args:
            units: of the strings.
            durations: of each, in frames of 10 ms; 0 where a string has no more units.
            frames: how many, at the rate of the config; those beyond the end of a string mean nothing.
        """
        exists = (durations > 0)[..., None].astype(jnp.float32)
        log_length = jnp.log(jnp.maximum(durations, 1).astype(jnp.float32))
        x = (self.embed(units) + self.length(log_length[..., None])) * exists
        x = self._through(self.unit_blocks, x, exists)
        at = frames_of(durations * self.config.rate, frames)
        there = at.exists[..., None].astype(jnp.float32)
        left = at.place * jnp.exp(jnp.take_along_axis(log_length, at.unit, axis=1))
        right = jnp.exp(jnp.take_along_axis(log_length, at.unit, axis=1)) - left
        # Shares of the unit, and frames of 10 ms since it began and until it ends, as logarithms.
        place = jnp.stack([at.place, jnp.sin(jnp.pi * at.place), jnp.log1p(left), jnp.log1p(right)], axis=-1)
        y = (jnp.take_along_axis(x, at.unit[..., None], axis=1) + self.place(place)) * there
        y = self._through(self.frame_blocks, y, there)
        return self.head(self.norm(y)).astype(jnp.float32)

    def log_durations(self, units: Int[Array, "batch n"], mask: Bool[Array, "batch n"]) -> Float[Array, "batch n"]:
        """The natural logarithm of the frames of 10 ms of each unit of collapsed strings.

        Args:
            units: no two neighbours equal.
            mask: units that exist; the others change nothing.
        """
        return self.duration(units, mask)

    def _through(self, blocks: nnx.List, x: Array, exists: Array) -> Array:
        for block in blocks:
            x = nnx.remat(ConvNeXtBlock.__call__)(block, x, exists) if self.remat else block(x, exists)
        return x * exists
