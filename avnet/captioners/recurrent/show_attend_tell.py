"""Show, Attend and Tell with soft attention: each word is said while looking somewhere."""

from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output, masked_softmax
from avnet.captioners.paper import PaperCaptioner
from avnet.nn.lstm import LSTM, LSTMState


class AttendTell(PaperCaptioner):
    """What soft and hard attention have in common: alpha, and what is said of what was seen.

    alpha = softmax(w tanh(a_i + W h_{t-1})), z = sigmoid(w h_{t-1}) sum alpha_i a_i, h_t = LSTM([E w; z]).

    p = softmax(W tanh(E w + W h_t + W z)). The state begins at the mean of the cells.

    Reference: Xu et al., "Show, Attend and Tell", 2015, section 3.1.2 and, for the gate, 4.2.1; what it leaves open
        (a second layer over the cells, one over their mean, dropout outside of the LSTM, how weights begin) as its
        code, kelvinxu/arctic-captions. Inner layers are `attention` wide; there as wide as its 512 image features.
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        features, width, hidden, inner = config.image_features, config.width, config.hidden, config.attention
        small, square = nnx.initializers.normal(0.01), nnx.initializers.orthogonal()
        super().__init__(config, width, small, rngs=rngs)

        def linear(*sizes: int, init: nnx.Initializer = small, **options: Any) -> nnx.Linear:
            return nnx.Linear(*sizes, kernel_init=init, rngs=rngs, **options)

        self.start = linear(features, inner)
        self.start_cell, self.start_output = linear(inner, hidden), linear(inner, hidden)
        self.keys, self.deep_keys = linear(features, inner), linear(inner, inner, init=square)
        self.ask = linear(hidden, inner, use_bias=False)
        self.weigh = linear(inner, 1)
        self.gate = linear(hidden, 1)
        self.lstm = LSTM(width + features, hidden, open_forget=False, kernel_init=small, rngs=rngs)
        self.deep_output, self.deep_seen = linear(hidden, width), linear(features, width)
        self.out = linear(width, config.symbols)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """Keys of the cells, and the layer over their mean from which the state begins."""
        start = self.dropout(nnx.relu(self.start(encoding.whole)), rngs=rngs)
        keys = jnp.tanh(self.deep_keys(self.keys(encoding.cells)))
        return encoding._replace(whole=start, extra={"keys": keys})

    def start_state(self, encoding: Encoding) -> LSTMState:
        """The state of the LSTM before the first token."""
        cell, output = self.start_cell(encoding.whole), self.start_output(encoding.whole)
        return LSTMState(jnp.tanh(cell.astype(jnp.float32)), jnp.tanh(output.astype(jnp.float32)))

    def alpha(self, encoding: Encoding, output: Float[Array, "batch hidden"]) -> Float[Array, "batch cells"]:
        """How much there is to see in each cell, given what the LSTM put out last."""
        energies = jnp.tanh(encoding.extra["keys"] + self.ask(output)[:, None])
        return masked_softmax(self.weigh(energies)[..., 0].astype(jnp.float32), encoding.mask)

    def speak(
        self,
        encoding: Encoding,
        state: LSTMState,
        token: Int[Array, "batch"],
        weights: Float[Array, "batch cells"],
        rngs: nnx.Rngs | None,
    ) -> tuple[Float[Array, "batch symbols"], Float[Array, "batch width"], LSTMState]:
        """Logits, what they are made of, and the next state.

        Args:
            encoding: the images.
            state: after the tokens before.
            token: the latest.
            weights: by which the cells are summed.
            rngs: of dropout, in training.
        """
        previous = self.embedding(token)
        seen = jnp.einsum("bc,bcf->bf", weights, encoding.cells)
        seen = nnx.sigmoid(self.gate(state.output).astype(jnp.float32)) * seen
        state = self.lstm.step(jnp.concatenate([previous, seen], axis=-1), state)
        output = self.deep_output(self.dropout(state.output, rngs=rngs))
        thought = self.dropout(jnp.tanh(output + previous + self.deep_seen(seen)), rngs=rngs)
        return self.out(thought).astype(jnp.float32), thought, state


class ShowAttendTell(AttendTell):
    """Soft attention: it sees the cells summed by alpha."""

    def begin(self, encoding: Encoding) -> LSTMState:
        """The state before the first token."""
        return self.start_state(encoding)

    def step(
        self, encoding: Encoding, state: LSTMState, token: Int[Array, "batch"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, LSTMState]:
        """Predicts what follows one token."""
        alpha = self.alpha(encoding, state.output)
        logits, thought, state = self.speak(encoding, state, token, alpha, rngs)
        return Output(logits, alpha, thought, {}), state
