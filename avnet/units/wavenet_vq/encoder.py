"""What hears: cepstra every 10 ms to one vector every 20 ms.

Padding changes nothing: what lies after the end of a recording counts as zero in every layer.
"""

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.units.wavenet_vq.config import FRAMES_PER_CODE

RESIDUAL, WIDE = 2, 4


class Encoder(nnx.Module):
    """Two convolutions, one that halves the rate, two more, and four layers on each vector alone.

    Vector i has its middle between the frames 2i and 2i + 1; it is made of the frames 2i - 7 to 2i + 8.

    Reference: Chorowski et al., "Unsupervised Speech Representation Learning Using WaveNet Autoencoders", 2019, section
        III-A. Residuals are added after the ReLU, where the paper does not say.
    """

    def __init__(self, cepstra: int, width: int, features: int, *, rngs: nnx.Rngs):
        conv = partial(nnx.Conv, kernel_size=(3,), padding=((1, 1),), rngs=rngs)
        self.entry, self.context = conv(cepstra, width), conv(width, width)
        # One more at the end than at the beginning: as many vectors as frames of 20 ms that have begun.
        self.halve = nnx.Conv(width, width, (4,), FRAMES_PER_CODE, padding=((1, 2),), rngs=rngs)
        self.residual = nnx.List([conv(width, width) for _ in range(RESIDUAL)])
        self.wide = nnx.List([nnx.Linear(width, width, rngs=rngs) for _ in range(WIDE)])
        self.head = nnx.Linear(width, features, rngs=rngs)

    def __call__(
        self, cepstra: Float[Array, "batch frames cepstra"], frames: Int[Array, "batch"]
    ) -> tuple[Float[Array, "batch steps features"], Int[Array, "batch"]]:
        """Vectors, and how many belong to each recording.

        Args:
            cepstra: standardized, padded with anything to one length.
            frames: how many belong to each recording.
        """
        exists = _exists(frames, cepstra.shape[1])
        x = jax.nn.relu(self.entry(cepstra * exists)) * exists
        x = (x + jax.nn.relu(self.context(x))) * exists
        steps = -(-frames // FRAMES_PER_CODE)
        x = jax.nn.relu(self.halve(x))
        exists = _exists(steps, x.shape[1])
        x *= exists
        for conv in self.residual:
            x = (x + jax.nn.relu(conv(x))) * exists
        for layer in self.wide:
            x += jax.nn.relu(layer(x))
        return self.head(x) * exists, steps


def _exists(lengths: Array, total: int) -> Float[Array, "batch total 1"]:
    return (jnp.arange(total) < lengths[:, None])[..., None].astype(jnp.float32)
