"""Bottom-up and top-down attention: one LSTM looks, the other speaks, and each hears of the other."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Int

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output, masked_softmax
from avnet.captioners.paper import EMBEDDING, PaperCaptioner
from avnet.nn.lstm import LSTM, LSTMState


class UpDownState(NamedTuple):
    """Of both LSTMs."""

    looking: LSTMState
    speaking: LSTMState


class UpDown(PaperCaptioner):
    """h1 = LSTM([h2_{t-1}; mean v; E w]), alpha = softmax(w tanh(W v_i + W h1)), h2 = LSTM([sum alpha_i v_i; h1]).

    p = softmax(W h2). In the paper the cells are regions of a detector.

    Reference: Anderson et al., "Bottom-Up and Top-Down Attention", 2018, section 3.2; what it leaves open (no bias and
        no dropout, forget gate open at first) as its code, peteanderson80/Up-Down-Captioner; weights begin as those of
        Flax and not as there, from N(0, 0.01).
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        features, width, hidden, inner = config.image_features, config.width, config.hidden, config.attention
        super().__init__(config, hidden, EMBEDDING, rngs=rngs)
        self.looking = LSTM(hidden + features + width, hidden, rngs=rngs)
        self.speaking = LSTM(features + hidden, hidden, rngs=rngs)
        self.keys = nnx.Linear(features, inner, use_bias=False, rngs=rngs)
        self.ask = nnx.Linear(hidden, inner, use_bias=False, rngs=rngs)
        self.weigh = nnx.Linear(inner, 1, use_bias=False, rngs=rngs)
        self.out = nnx.Linear(hidden, config.symbols, rngs=rngs)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """Keys of the cells."""
        return encoding._replace(extra={"keys": self.keys(encoding.cells)})

    def begin(self, encoding: Encoding) -> UpDownState:
        """Zeros."""
        batch = len(encoding.whole)
        return UpDownState(self.looking.zeros(batch), self.speaking.zeros(batch))

    def __call__(
        self, encoding: Encoding, state: UpDownState, tokens: Int[Array, "batch steps"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, UpDownState]:
        """Predicts what follows each of the tokens; what does not depend on looks is computed for all at once."""
        hidden = self.config.hidden
        previous = self.dropout(self.embedding(tokens), rngs=rngs)
        known = self.looking.products(previous, hidden + self.config.image_features, bias=True)
        known += self.looking.products(encoding.whole, hidden)[:, None]

        def advance(state: UpDownState, known: Array) -> tuple[UpDownState, tuple[Array, Array]]:
            products = known + self.looking.products(state.speaking.output)
            looking = self.looking.advance(products, state.looking)
            energies = jnp.tanh(encoding.extra["keys"] + self.ask(looking.output)[:, None])
            attention = masked_softmax(self.weigh(energies)[..., 0].astype(jnp.float32), encoding.mask)
            seen = jnp.einsum("bc,bcf->bf", attention, encoding.cells)
            speaking = self.speaking.step(jnp.concatenate([seen, looking.output], axis=-1), state.speaking)
            return UpDownState(looking, speaking), (speaking.output, attention)

        state, (outputs, attention) = self.scan(advance, state, known)
        thought = self.dropout(outputs, rngs=rngs)
        return Output(self.out(thought).astype(jnp.float32), attention, thought, {}), state
