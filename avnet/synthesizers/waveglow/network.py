"""The flow: samples to noise with the logarithm of how densely they lie, and noise to samples."""

import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float

from avnet.nn.precision import compute_in
from avnet.nn.standard import Standard
from avnet.synthesizers.mel.acoustics import BANDS, HOP
from avnet.synthesizers.waveglow.config import WaveGlowConfig
from avnet.synthesizers.waveglow.coupling import CouplingNetwork
from avnet.synthesizers.waveglow.invertible import InvertibleLinear
from avnet.synthesizers.waveglow.upsampling import LearnedUpsampling, interpolate


class WaveGlowNetwork(nnx.Module):
    """A flow between waveforms and noise of a normal distribution, which is told the spectrum.

    Attributes:
        standard: the scale of each band in the recordings that were learned from.

    Reference: Prenger, Valle and Catanzaro, "WaveGlow: A Flow-based Generative Network for Speech Synthesis", 2018,
        section 2; sizes and early outputs as in the released code. Spectra are standardized here; a fresh scale changes
        nothing.
    """

    remat: bool = False

    def __init__(self, config: WaveGlowConfig, *, rngs: nnx.Rngs):
        self.config = config
        self.standard = Standard(BANDS)
        kernel, channels = config.upsampling_kernel, [config.channels(step) for step in range(config.steps)]
        self.upsampling = LearnedUpsampling(kernel, config.group, rngs=rngs) if kernel else None
        self.mixers = nnx.List([InvertibleLinear(count, rngs=rngs) for count in channels])
        self.couplings = nnx.List([CouplingNetwork(count // 2, config, rngs=rngs) for count in channels])

    def compute(self, dtype: DTypeLike | None, *, remat: bool = False) -> None:
        """Chooses how coupling networks compute; the flow through them, parameters and matrices stay float32.

        Args:
            dtype: bfloat16 is what GPUs and TPUs are fast at; None is that of what the network is given.
            remat: keep of each coupling network only what goes in, and make the rest again for the gradient.
        """
        compute_in(self, dtype)
        self.remat = remat

    def forward(
        self, waveform: Float[Array, "batch samples"], log_mel: Float[Array, "batch frames 80"]
    ) -> tuple[Float[Array, "batch groups channels"], Float[Array, " batch"]]:
        """The noise that waveforms are made of.

        Args:
            waveform: 160 samples for each frame.
            log_mel: of the setting `avnet.synthesizers.mel.acoustics.MEL`.

        Returns:
            Noise, as many values as samples, channels in the order in which they leave the flow; and the logarithm of
            the determinant of this function's derivative, absolute.
        """
        config, condition = self.config, self._condition(log_mel)
        x = waveform.reshape(len(waveform), -1, config.group)
        early, log_det = [], jnp.zeros(len(waveform))
        for step in range(config.steps):
            if config.leave_before(step):
                leaving, x = jnp.split(x, [config.early_size], axis=-1)
                early.append(leaving)
            x, log_det = self.mixers[step].forward(x), log_det + x.shape[1] * self.mixers[step].log_det()
            told, other = jnp.split(x, 2, axis=-1)
            shift, log_scale = self._couple(step, told, condition, None)
            x = jnp.concatenate([told, jnp.exp(log_scale) * other + shift], axis=-1)
            log_det = log_det + log_scale.sum(axis=(1, 2))
        return jnp.concatenate([*early, x], axis=-1), log_det

    def inverse(
        self,
        z: Float[Array, "batch groups channels"],
        log_mel: Float[Array, "batch frames 80"],
        mask: Bool[Array, "batch frames"] | None = None,
    ) -> Float[Array, "batch samples"]:
        """The waveforms that `forward` makes this noise of.

        Args:
            z: noise.
            log_mel: of the setting `avnet.synthesizers.mel.acoustics.MEL`.
            mask: frames that exist; the others, at the end and equal to the last that does, change nothing.
        """
        config, condition = self.config, self._condition(log_mel)
        exists = None
        if mask is not None:
            exists = jnp.repeat(mask, config.groups_per_frame, axis=1)[..., None].astype(jnp.float32)
        left = z.shape[-1] - config.channels(config.steps - 1)
        x, early = z[..., left:], z[..., :left]
        for step in reversed(range(config.steps)):
            told, other = jnp.split(x, 2, axis=-1)
            shift, log_scale = self._couple(step, told, condition, exists)
            x = jnp.concatenate([told, (other - shift) * jnp.exp(-log_scale)], axis=-1)
            x = self.mixers[step].inverse(x)
            if config.leave_before(step):
                x = jnp.concatenate([early[..., -config.early_size :], x], axis=-1)
                early = early[..., : -config.early_size]
        return x.reshape(len(x), log_mel.shape[1] * HOP)

    def _condition(self, log_mel: Array) -> Array:
        mel = self.standard(log_mel)
        if self.upsampling is None:
            return interpolate(mel, self.config.groups_per_frame)
        return self.upsampling(mel)

    def _couple(self, step: int, told: Array, condition: Array, exists: Array | None) -> tuple[Array, Array]:
        coupling = self.couplings[step]
        if self.remat:
            return nnx.remat(CouplingNetwork.__call__)(coupling, told, condition, exists)
        return coupling(told, condition, exists)
