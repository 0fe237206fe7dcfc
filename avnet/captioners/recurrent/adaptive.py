"""Adaptive attention: for each word the network also decides how much it has to look at all."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, Key

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output, masked_softmax
from avnet.captioners.paper import PaperCaptioner
from avnet.nn.lstm import LSTM, LSTMState


class AdaptiveAttention(PaperCaptioner):
    """One softmax over the cells and a sentinel, which is what the LSTM knows without looking.

    h_t, m_t = LSTM([E w; v_g]); s_t = sigmoid(W x_t + W h_{t-1}) * tanh(m_t); beta is the weight of s_t, which
    `Output.extra` tells; `Output.attention` is that of the cells among themselves.

    Reference: Lu et al., "Knowing When to Look", 2017, section 2; what it leaves open (layers before attention and
        before the logits, where ReLU and dropout stand) as its code, jiasenlu/AdaptiveAttention.
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        features, width, hidden = config.image_features, config.width, config.hidden
        super().__init__(config, width, nnx.initializers.normal(1.0), rngs=rngs)
        self.cells, self.whole = (nnx.Linear(features, width, rngs=rngs) for _ in range(2))
        self.keys = nnx.Linear(width, width, rngs=rngs)
        self.lstm = LSTM(2 * width, hidden, open_forget=False, rngs=rngs)
        self.sentinel_inputs = nnx.Linear(2 * width, hidden, rngs=rngs)
        self.sentinel_recurrent = nnx.Linear(hidden, hidden, use_bias=False, rngs=rngs)
        self.sentinel, self.sentinel_key = nnx.Linear(hidden, width, rngs=rngs), nnx.Linear(width, width, rngs=rngs)
        self.known, self.ask = nnx.Linear(hidden, width, rngs=rngs), nnx.Linear(width, width, rngs=rngs)
        self.weigh = nnx.Linear(width, 1, rngs=rngs)
        self.deep = nnx.Linear(width, width, rngs=rngs)
        self.out = nnx.Linear(width, config.symbols, rngs=rngs)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """Projected cells with their keys, and the projected image."""
        cells = self.dropout(nnx.relu(self.cells(encoding.cells)), rngs=rngs)
        whole = self.dropout(nnx.relu(self.whole(encoding.whole)), rngs=rngs)
        return encoding._replace(cells=cells, whole=whole, extra={"keys": self.keys(cells)})

    def begin(self, encoding: Encoding) -> LSTMState:
        """Zeros."""
        return self.lstm.zeros(len(encoding.whole))

    def __call__(
        self, encoding: Encoding, state: LSTMState, tokens: Int[Array, "batch steps"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, LSTMState]:
        """Predicts what follows each of the tokens; the LSTM alone goes step by step, as no look is fed to it."""

        def drop(x: Array) -> Array:
            return self.dropout(x, rngs=rngs)

        words = drop(nnx.relu(self.embedding(tokens)))
        whole = jnp.broadcast_to(encoding.whole[:, None], (*tokens.shape, encoding.whole.shape[-1]))
        x = jnp.concatenate([words, whole], axis=-1)

        def advance(state: LSTMState, products: Array) -> tuple[LSTMState, LSTMState]:
            state = self.lstm.advance(products, state)
            return state, state

        last, after = self.scan(advance, state, self.lstm.products(x, bias=True))
        # The output before each step.
        before = jnp.concatenate([state.output[:, None], after.output[:, :-1]], axis=1)
        gate = nnx.sigmoid(self.sentinel_inputs(x) + self.sentinel_recurrent(before))
        sentinel = drop(nnx.relu(self.sentinel(drop(gate * jnp.tanh(after.cell)))))
        known = drop(jnp.tanh(self.known(drop(after.output))))
        look = self._look_of_each if not self.remat else jax.checkpoint(self._look_of_each)
        scores = look(encoding, sentinel, known, None if rngs is None else rngs.dropout())
        # The sentinel is always there.
        mask = jnp.concatenate([jnp.ones_like(encoding.mask[:, :1]), encoding.mask], axis=1)
        weights = masked_softmax(scores, mask[:, None])
        beta = weights[..., 0]
        seen = jnp.einsum("btc,bcw->btw", weights[..., 1:], encoding.cells)
        thought = drop(jnp.tanh(self.deep(beta[..., None] * sentinel + seen + known)))
        logits = self.out(thought).astype(jnp.float32)
        attention = masked_softmax(scores[..., 1:], encoding.mask[:, None])
        return Output(logits, attention, thought, {"beta": beta}), last

    def _look_of_each(
        self,
        encoding: Encoding,
        sentinel: Float[Array, "batch steps width"],
        known: Float[Array, "batch steps width"],
        key: Key[Array, ""] | None,
    ) -> Float[Array, "batch steps places"]:
        """Scores of the sentinel and of the cells at each step."""
        cells = jnp.broadcast_to(encoding.extra["keys"][:, None], (*known.shape[:2], *encoding.extra["keys"].shape[1:]))
        keys = jnp.concatenate([self.sentinel_key(sentinel)[:, :, None], cells], axis=2)
        rngs = None if key is None else nnx.Rngs(dropout=key)
        energies = self.dropout(jnp.tanh(keys + self.ask(known)[:, :, None]), rngs=rngs)
        return self.weigh(energies)[..., 0].astype(jnp.float32)
