"""What draws images and their descriptions together while a Show and Speak is trained."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from avnet.describer.show_and_speak.config import ShowAndSpeakConfig
from avnet.nn.dropout import Dropout
from avnet.synthesizers.mel.acoustics import BANDS

# Steps under the convolution, and from one of its windows to the next.
KERNEL, STRIDE = 5, 2
LAYERS = 2
# Between the layers, in training.
DROPOUT = 0.5


class BidirectionalGRU(nnx.Module):
    """Gated recurrent units in either direction, which what lies beyond the end does not change."""

    def __init__(self, features: int, hidden: int, *, rngs: nnx.Rngs):
        self.hidden = hidden
        self.forward, self.backward = (nnx.GRUCell(features, hidden, rngs=rngs) for _ in range(2))

    def __call__(
        self, x: Float[Array, "batch steps features"], mask: Bool[Array, "batch steps"]
    ) -> Float[Array, "batch steps both"]:
        """Outputs of both directions.

        Args:
            x: the inputs.
            mask: steps that exist, the first ones.
        """

        def run(cell: nnx.GRUCell, reverse: bool) -> Array:
            def advance(state: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
                after, _ = cell(state, inputs[0])
                state = jnp.where(inputs[1][:, None], after.astype(jnp.float32), state)
                return state, state

            start = jnp.zeros((len(x), self.hidden))
            return jax.lax.scan(advance, start, (x.swapaxes(0, 1), mask.T), reverse=reverse)[1]

        both = jnp.concatenate([run(self.forward, False), run(self.backward, True)], axis=-1)
        return both.swapaxes(0, 1)


class Matching(nnx.Module):
    """Vectors of images and of speech, whose product tells whether one is of the other.

    Reference: the code of Wang et al., 2021; there padding is part of the mean of speech.
    """

    def __init__(self, config: ShowAndSpeakConfig, *, rngs: nnx.Rngs):
        self.image = nnx.Linear(config.width, config.width, rngs=rngs)
        frames = config.frames_per_step * BANDS
        self.conv = nnx.Conv(frames, config.match, (KERNEL,), strides=STRIDE, padding="VALID", rngs=rngs)
        self.norm = nnx.BatchNorm(config.match, momentum=0.9, epsilon=1e-5, rngs=rngs)
        self.layers = nnx.List(
            BidirectionalGRU(features, config.width // 2, rngs=rngs)
            for features in (config.match, *[config.width] * (LAYERS - 1))
        )
        self.dropout = Dropout(DROPOUT)

    def images(
        self, memory: Float[Array, "batch places width"], mask: Bool[Array, "batch places"]
    ) -> Float[Array, "batch width"]:
        """Of images.

        Args:
            memory: their encoded places; zeros where there is none.
            mask: places that exist.
        """
        return self.image(_mean(memory, mask)).astype(jnp.float32)

    def speech(
        self,
        steps: Float[Array, "batch steps frames"],
        mask: Bool[Array, "batch steps"],
        rngs: nnx.Rngs | None = None,
    ) -> Float[Array, "batch width"]:
        """Of speech; zeros where it is shorter than the convolution.

        Args:
            steps: normalized log-mel, the frames of a step one after the other.
            mask: steps that exist, the first ones.
            rngs: of dropout, in training.
        """
        # A window exists where its last step does.
        exists = mask[:, KERNEL - 1 :: STRIDE]
        x = self.norm(self.conv(steps).astype(jnp.float32), mask=exists[..., None])
        for number, layer in enumerate(self.layers):
            x = layer(self.dropout(x, rngs=rngs) if number else x, exists)
        return _mean(x, exists)


def _mean(x: Array, mask: Array) -> Array:
    return jnp.where(mask[..., None], x, 0.0).sum(axis=1) / jnp.maximum(mask.sum(axis=1), 1)[:, None]
