"""Show, Attend and Tell with soft attention: each word is said while looking somewhere."""

from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output, masked_softmax
from avnet.captioners.paper import EMBEDDING, PaperCaptioner
from avnet.nn.lstm import LSTM, LSTMState


class AttendTell(PaperCaptioner):
    """What soft and hard attention have in common: alpha, and what is said of what was seen.

    alpha = softmax(w tanh(a_i + W h_{t-1})), z = sigmoid(w h_{t-1}) sum alpha_i a_i, h_t = LSTM([E w; z]).

    p = softmax(W tanh(E w + W h_t + W z)). The state begins at the mean of the cells.

    Reference: Xu et al., "Show, Attend and Tell", 2015, section 3.1.2 and, for the gate, 4.2.1; what it leaves open
        (a second layer over the cells, one over their mean, dropout outside of the LSTM, square weights that begin
        orthogonal) as its code, kelvinxu/arctic-captions; the others begin as those of Flax. Inner layers are
        `attention` wide; there as wide as its 512 image features.
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        features, width, hidden, inner = config.image_features, config.width, config.hidden, config.attention
        super().__init__(config, width, EMBEDDING, rngs=rngs)

        def linear(*sizes: int, **options: Any) -> nnx.Linear:
            return nnx.Linear(*sizes, rngs=rngs, **options)

        self.start = linear(features, inner)
        self.start_cell, self.start_output = linear(inner, hidden), linear(inner, hidden)
        self.keys = linear(features, inner)
        self.deep_keys = linear(inner, inner, kernel_init=nnx.initializers.orthogonal())
        self.ask = linear(hidden, inner, use_bias=False)
        self.weigh = linear(inner, 1)
        self.gate = linear(hidden, 1)
        self.lstm = LSTM(width + features, hidden, open_forget=False, rngs=rngs)
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

    def see(
        self,
        encoding: Encoding,
        state: LSTMState,
        products: Float[Array, "batch gates"],
        weights: Float[Array, "batch cells"],
    ) -> tuple[Float[Array, "batch features"], LSTMState]:
        """What is seen at a step, and the state after it.

        Args:
            encoding: the images.
            state: after the tokens before.
            products: of the latest token with the weights of the gates.
            weights: by which the cells are summed.
        """
        seen = jnp.einsum("bc,bcf->bf", weights, encoding.cells)
        seen = nnx.sigmoid(self.gate(state.output).astype(jnp.float32)) * seen
        return seen, self.lstm.advance(products + self.lstm.products(seen, self.config.width), state)

    def speak(
        self,
        previous: Float[Array, "batch steps width"],
        outputs: Float[Array, "batch steps hidden"],
        seen: Float[Array, "batch steps features"],
        rngs: nnx.Rngs | None,
    ) -> tuple[Float[Array, "batch steps symbols"], Float[Array, "batch steps width"]]:
        """Logits of all steps, and what they are made of.

        Args:
            previous: embeddings of the tokens.
            outputs: of the LSTM.
            seen: at each step.
            rngs: of dropout, in training.
        """
        output = self.deep_output(self.dropout(outputs, rngs=rngs))
        thought = self.dropout(jnp.tanh(output + previous + self.deep_seen(seen)), rngs=rngs)
        return self.out(thought).astype(jnp.float32), thought


class ShowAttendTell(AttendTell):
    """Soft attention: it sees the cells summed by alpha."""

    def begin(self, encoding: Encoding) -> LSTMState:
        """The state before the first token."""
        return self.start_state(encoding)

    def __call__(
        self, encoding: Encoding, state: LSTMState, tokens: Int[Array, "batch steps"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, LSTMState]:
        """Predicts what follows each of the tokens; what no look depends on is computed for all at once."""
        previous = self.embedding(tokens)

        def advance(state: LSTMState, products: Array) -> tuple[LSTMState, tuple[Array, Array, Array]]:
            alpha = self.alpha(encoding, state.output)
            seen, state = self.see(encoding, state, products, alpha)
            return state, (state.output, seen, alpha)

        state, (outputs, seen, alpha) = self.scan(advance, state, self.lstm.products(previous, bias=True))
        logits, thought = self.speak(previous, outputs, seen, rngs)
        return Output(logits, alpha, thought, {}), state
