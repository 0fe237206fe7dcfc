"""Spectra of every 10 ms at the rate of groups of samples."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from avnet.audio.stft import overlap_add
from avnet.synthesizers.mel.acoustics import BANDS, HOP


class LearnedUpsampling(nnx.Module):
    """A transposed convolution to the rate of samples; a group is told all values of its samples.

    Frame i is spread over the samples from 160 i on, so that a sample knows of the present frame and of those before;
    what reaches beyond the last frame is cut off.

    Reference: Prenger et al., "WaveGlow", 2018, section 3.2, "upsampled"; a kernel of 1,024 samples as in the released
        code, every 256 there, every 160 here.
    """

    def __init__(self, kernel: int, group: int, *, rngs: nnx.Rngs):
        self.group = group
        bound = (BANDS * kernel) ** -0.5
        self.kernel = nnx.Param(jax.random.uniform(rngs.params(), (BANDS, BANDS, kernel), jnp.float32, -bound, bound))
        self.bias = nnx.Param(jax.random.uniform(rngs.params(), (BANDS,), jnp.float32, -bound, bound))

    def __call__(self, mel: Float[Array, "batch frames 80"]) -> Float[Array, "batch groups features"]:
        """Features of each group: the samples of the first band, then those of the second, and so on."""
        batch, frames, _ = mel.shape
        spread = overlap_add(jnp.einsum("bfi,iok->bofk", mel, self.kernel[...]), HOP)[..., : frames * HOP]
        samples = (spread + self.bias[...][:, None]).reshape(batch, BANDS, -1, self.group)
        return samples.transpose(0, 2, 1, 3).reshape(batch, -1, BANDS * self.group)


def interpolate(mel: Float[Array, "batch frames bands"], times: int) -> Float[Array, "batch groups bands"]:
    """Each frame in several groups, on straight lines between the middles of frames.

    Args:
        mel: frames.
        times: groups in a frame.

    Returns:
        times * frames groups; before the first middle and after the last one the nearest frame.
    """
    batch, frames, bands = mel.shape
    # Of the middle of each group from that of its frame, in frames.
    offset = (np.arange(times) + 0.5) / times - 0.5
    weights = np.stack([np.maximum(-offset, 0), 1 - np.abs(offset), np.maximum(offset, 0)]).astype(np.float32)
    padded = jnp.pad(mel, ((0, 0), (1, 1), (0, 0)), mode="edge")
    neighbors = jnp.stack([padded[:, k : k + frames] for k in range(3)], axis=2)
    return jnp.einsum("bfnc,nt->bftc", neighbors, weights).reshape(batch, frames * times, bands)
