"""An encoder that reads the places of an image as a sequence, layer by layer more coarsely."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from avnet.captioners.paper import uniform
from avnet.nn.dropout import Dropout
from avnet.nn.lstm import LSTM, LSTMState


def glorot_lstm(features: int, hidden: int, *, rngs: nnx.Rngs) -> LSTM:
    """An LSTM that begins as XNMT's, with the matrix of each gate by itself as in Glorot and Bengio, 2010."""
    inputs, recurrent = uniform((6 / (features + hidden)) ** 0.5), uniform((3 / hidden) ** 0.5)
    return LSTM(features, hidden, kernel_init=inputs, recurrent_init=recurrent, rngs=rngs)


class PyramidalLSTM(nnx.Module):
    """Layers of two LSTMs, one in each direction; each but the last joins two of its steps to one of the next.

    Reference: Chan et al., "Listen, Attend and Spell", 2015, section 3.1; steps without a place keep the state, as in
        neulab/xnmt, whose dropout is that of Gal and Ghahramani, 2016: the same units at all steps.
    """

    def __init__(self, features: int, hidden: int, layers: int, dropout: float, *, rngs: nnx.Rngs):
        """Fresh weights.

        Args:
            features: of the places.
            hidden: units of a layer, half of them for each direction.
            layers: how many.
            dropout: in training, of the inputs and of the last output of each LSTM.
            rngs: of the weights.
        """
        sizes = [features] + [2 * hidden] * (layers - 1)
        self.forwards = nnx.List(glorot_lstm(size, hidden // 2, rngs=rngs) for size in sizes)
        self.backwards = nnx.List(glorot_lstm(size, hidden // 2, rngs=rngs) for size in sizes)
        self.reduction = 2 ** (layers - 1)
        self.dropout = Dropout(dropout)

    def __call__(
        self,
        places: Float[Array, "batch places features"],
        mask: Bool[Array, "batch places"],
        rngs: nnx.Rngs | None,
    ) -> tuple[Float[Array, "batch groups hidden"], LSTMState]:
        """What stands for each group of consecutive places, and the last state of both directions of the last layer.

        Args:
            places: in the order in which they are read; padded to whole groups.
            mask: the places that count; the others change nothing.
            rngs: of dropout, in training.
        """
        # In this form groups come out even for a number of places that is a symbol, too.
        groups = (places.shape[1] + self.reduction - 1) // self.reduction
        missing = groups * self.reduction - places.shape[1]
        x = jnp.pad(places, ((0, 0), (0, missing), (0, 0)))
        mask = jnp.pad(mask, ((0, 0), (0, missing)))
        ends: list[LSTMState] = []
        for number, pair in enumerate(zip(self.forwards, self.backwards, strict=True)):
            if number:
                x = x.reshape(len(x), x.shape[1] // 2, -1)
                mask = mask.reshape(*x.shape[:2], 2).any(axis=-1)
            directions, ends = [], []
            for reverse, lstm in enumerate(pair):
                start = lstm.zeros(len(x))
                kept = x * self.dropout(jnp.ones((len(x), 1, x.shape[-1])), rngs=rngs)
                keep = self.dropout(jnp.ones_like(start.output), rngs=rngs)
                outputs, end = lstm(kept, start, mask=mask, keep=keep, reverse=bool(reverse))
                directions.append(outputs)
                ends.append(end)
            x = jnp.concatenate(directions, axis=-1)
        return x, LSTMState(*(jnp.concatenate(parts, axis=-1) for parts in zip(*ends, strict=True)))
