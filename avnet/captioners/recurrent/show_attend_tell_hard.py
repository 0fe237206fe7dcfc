"""Show, Attend and Tell with hard attention: in training it looks at one cell, which is drawn."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.captioners.encoding import Encoding, Output
from avnet.captioners.recurrent.show_attend_tell import AttendTell
from avnet.nn.lstm import LSTMState

# How often a description is learned by draws; else it is learned by their expectation, as with soft attention.
DRAWN = 0.5


class HardState(NamedTuple):
    """That of the LSTM, with the coin of each description.

    Attributes:
        lstm: its state.
        drawn: 1 where cells are drawn, 0 where their expectation is taken.
    """

    lstm: LSTMState
    drawn: Float[Array, "batch"]


class HardShowAttendTell(AttendTell):
    """s_t ~ Categorical(alpha_t), z = gate a_{s_t}; `draw` and `entropy` of its output are for REINFORCE.

    Outside of training it takes the expectation, as its code does unless told otherwise. In training half of the
    descriptions do: the coin is thrown for each, in the code for each batch.

    Reference: Xu et al., "Show, Attend and Tell", 2015, section 4.1; code: kelvinxu/arctic-captions.
    """

    def begin(self, encoding: Encoding) -> HardState:
        """The state before the first token, without draws."""
        return HardState(self.start_state(encoding), jnp.zeros(len(encoding.cells)))

    def __call__(
        self, encoding: Encoding, state: HardState, tokens: Int[Array, "batch steps"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, HardState]:
        """Predicts what follows each of the tokens; in training, with a coin for each description.

        Where the tokens come one by one, as in scheduled sampling, it is thrown for each token.
        """
        previous, drawn, noise = self.embedding(tokens), state.drawn, None
        if rngs is not None:
            drawn = jax.random.bernoulli(rngs.dropout(), DRAWN, drawn.shape).astype(jnp.float32)
            # A cell is drawn as the largest of its log-probability and noise (Gumbel, 1954).
            noise = jax.random.gumbel(rngs.dropout(), (*tokens.shape, encoding.mask.shape[-1]))

        def advance(state: LSTMState, inputs: tuple[Array, Array | None]):
            products, noise = inputs
            alpha = self.alpha(encoding, state.output)
            log_alpha = jnp.log(jnp.maximum(alpha, 1e-9))
            weights, draw = alpha, jnp.zeros(len(alpha))
            if noise is not None:
                cell = jnp.argmax(jnp.where(encoding.mask, log_alpha + noise, -jnp.inf), axis=-1)
                hard = nnx.one_hot(cell, alpha.shape[-1])
                weights = drawn[:, None] * hard + (1 - drawn[:, None]) * alpha
                draw = drawn * (hard * log_alpha).sum(axis=-1)
            seen, state = self.see(encoding, state, products, weights)
            entropy = -(alpha * log_alpha).sum(axis=-1)
            return state, (state.output, seen, alpha, draw, entropy)

        inputs = (self.lstm.products(previous, bias=True), noise)
        lstm, (outputs, seen, alpha, draw, entropy) = self.scan(advance, state.lstm, inputs)
        logits, thought = self.speak(previous, outputs, seen, rngs)
        return Output(logits, alpha, thought, {"draw": draw, "entropy": entropy}), HardState(lstm, drawn)
