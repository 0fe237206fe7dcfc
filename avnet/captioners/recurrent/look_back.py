"""Look back and predict forward: where one looked last says where to look now, and each step predicts two tokens."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output, masked_softmax
from avnet.captioners.paper import EMBEDDING, PaperCaptioner
from avnet.nn.lstm import LSTM, LSTMState

# Lambda, the weight of what was predicted a step ahead, in the loss and beside what is predicted now.
AHEAD = 0.5
# The log-probability of what is impossible: before the first step nothing was predicted ahead.
NOTHING = -1e9


class LookBackState(NamedTuple):
    """Of the three LSTMs, and what the last step leaves to the next.

    Attributes:
        looking: of the LSTM that looks.
        speaking: of the one that speaks.
        foreseeing: of the one that predicts ahead.
        seen: what was attended to.
        ahead: log-probability of each symbol as the next one, as it was predicted a step ahead.
    """

    looking: LSTMState
    speaking: LSTMState
    foreseeing: LSTMState
    seen: Float[Array, "batch features"]
    ahead: Float[Array, "batch symbols"]


class LookBack(PaperCaptioner):
    """Up-Down, whose attention also asks by what it saw last, and that predicts the token after the next one, too.

    h1 and h2 as in Up-Down, alpha = softmax(w tanh(W v_i + W [h1; v^_{t-1}])), v^_t = sum alpha_i v_i;
    p_t = softmax(W h2); h3 = LSTM([sum_w p_t(w) E w; h2]), p'_t = softmax(W h3) of the token after the next one.
    In training the loss is that of p_t and lambda times that of p'_t (`next` of the output); outside of training the
    token is predicted by (p_t + lambda p'_{t-1}) / (1 + lambda), for the first one by p_t.

    Reference: Qin et al., "Look Back and Predict Forward in Image Captioning", 2019. There is no code of its authors.
        Of the decoder, of lambda, of what the third LSTM reads beside the expected embedding, and of p' sharing its
        last layer with p, we had no text and chose ourselves; before the first step the image was looked at evenly,
        as in a copy of the first half of it (mnmjh1215/2019-2-diya-instagram-captioning).
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        features, width, hidden, inner = config.image_features, config.width, config.hidden, config.attention
        super().__init__(config, hidden, EMBEDDING, rngs=rngs)
        self.looking = LSTM(hidden + features + width, hidden, rngs=rngs)
        self.speaking = LSTM(features + hidden, hidden, rngs=rngs)
        self.foreseeing = LSTM(width + hidden, hidden, rngs=rngs)
        self.keys = nnx.Linear(features, inner, use_bias=False, rngs=rngs)
        self.ask = nnx.Linear(hidden + features, inner, use_bias=False, rngs=rngs)
        self.weigh = nnx.Linear(inner, 1, use_bias=False, rngs=rngs)
        self.out = nnx.Linear(hidden, config.symbols, rngs=rngs)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """Keys of the cells."""
        return encoding._replace(extra={"keys": self.keys(encoding.cells)})

    def begin(self, encoding: Encoding) -> LookBackState:
        """Zeros, an even look, and nothing predicted."""
        batch = len(encoding.whole)
        looking, speaking, foreseeing = (lstm.zeros(batch) for lstm in (self.looking, self.speaking, self.foreseeing))
        ahead = jnp.full((batch, self.config.symbols), NOTHING, jnp.float32)
        return LookBackState(looking, speaking, foreseeing, encoding.whole.astype(jnp.float32), ahead)

    def __call__(
        self, encoding: Encoding, state: LookBackState, tokens: Int[Array, "batch steps"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, LookBackState]:
        """Predicts what follows each of the tokens, and in training what follows that.

        What does not depend on looks is computed for all steps at once, as is all that predicts ahead.
        """
        hidden = self.config.hidden
        previous = self.dropout(self.embedding(tokens), rngs=rngs)
        known = self.looking.products(previous, hidden + self.config.image_features, bias=True)
        known += self.looking.products(encoding.whole, hidden)[:, None]

        def advance(state: tuple[LSTMState, LSTMState, Array], known: Array):
            looking, speaking, seen = state
            looking = self.looking.advance(known + self.looking.products(speaking.output), looking)
            ask = self.ask(jnp.concatenate([looking.output, seen], axis=-1))
            energies = jnp.tanh(encoding.extra["keys"] + ask[:, None])
            attention = masked_softmax(self.weigh(energies)[..., 0].astype(jnp.float32), encoding.mask)
            seen = jnp.einsum("bc,bcf->bf", attention, encoding.cells).astype(jnp.float32)
            speaking = self.speaking.step(jnp.concatenate([seen, looking.output], axis=-1), speaking)
            return (looking, speaking, seen), (speaking.output, attention)

        (looking, speaking, seen), (outputs, attention) = self.scan(
            advance, (state.looking, state.speaking, state.seen), known
        )
        thought = self.dropout(outputs, rngs=rngs)
        logits = self.out(thought).astype(jnp.float32)
        # The expected embedding of the next token, which gradients reach, unlike that of the likeliest.
        expected = self.dropout(nnx.softmax(logits) @ self.embedding.embedding[...], rngs=rngs)
        foreseen, foreseeing = self.foreseeing(jnp.concatenate([expected, thought], axis=-1), state.foreseeing)
        following = self.out(self.dropout(foreseen, rngs=rngs)).astype(jnp.float32)
        ahead = nnx.log_softmax(following)
        extra = {"next": following}
        if rngs is None:
            before = jnp.concatenate([state.ahead[:, None], ahead[:, :-1]], axis=1)
            # Their softmax divides by 1 + lambda.
            logits, extra = jnp.logaddexp(nnx.log_softmax(logits), jnp.log(AHEAD) + before), {}
        return Output(logits, attention, thought, extra), LookBackState(
            looking, speaking, foreseeing, seen, ahead[:, -1]
        )
