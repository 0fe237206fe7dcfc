"""The scale of spectra inside a Tacotron 2."""

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from avnet.errors import DataError
from avnet.synthesizers.acoustics import BANDS


class Moments(nnx.Variable):
    """What is measured once and not learned."""


class MelScale(nnx.Module):
    """Mean and standard deviation of each band of log-mel spectra, as `avnet.synthesizers.acoustics.MEL` has them.

    Inside the network a band has mean 0 and deviation 1. What is padded with zeros is then of mean loudness; the
    logarithm of silence would be far below.
    """

    def __init__(self):
        self.mean = Moments(jnp.zeros(BANDS))
        self.deviation = Moments(jnp.ones(BANDS))

    def measure(self, log_mel: Float[np.ndarray, "frames 80"]) -> None:
        """Takes the moments of spectra; a band that never changes keeps a deviation of 1.

        Args:
            log_mel: frames to learn from, without padding.

        Raises:
            DataError: there are none, or they are not finite.
        """
        if not len(log_mel) or not np.isfinite(log_mel).all():
            raise DataError("log_mel", "must be finite numbers, of one frame at least")
        deviation = log_mel.std(axis=0, dtype=np.float64)
        self.mean[...] = jnp.asarray(log_mel.mean(axis=0, dtype=np.float64), jnp.float32)
        self.deviation[...] = jnp.asarray(np.where(deviation > 0, deviation, 1.0), jnp.float32)

    def normalize(self, log_mel: Float[Array, "*batch 80"]) -> Float[Array, "*batch 80"]:
        """Log-mel to what the network learns."""
        return (log_mel - self.mean[...]) / self.deviation[...]

    def restore(self, frames: Float[Array, "*batch 80"]) -> Float[Array, "*batch 80"]:
        """What the network says to log-mel."""
        return frames * self.deviation[...] + self.mean[...]
