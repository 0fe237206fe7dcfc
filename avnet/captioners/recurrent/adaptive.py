"""Adaptive attention: for each word the network also decides how much it has to look at all."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Int

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

    def step(
        self, encoding: Encoding, state: LSTMState, token: Int[Array, "batch"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, LSTMState]:
        """Predicts what follows one token."""

        def drop(x: Array) -> Array:
            return self.dropout(x, rngs=rngs)

        x = jnp.concatenate([drop(nnx.relu(self.embedding(token))), encoding.whole], axis=-1)
        after = self.lstm.step(x, state)
        gate = nnx.sigmoid(self.sentinel_inputs(x) + self.sentinel_recurrent(state.output))
        sentinel = drop(nnx.relu(self.sentinel(drop(gate * jnp.tanh(after.cell)))))
        known = drop(jnp.tanh(self.known(drop(after.output))))
        places = jnp.concatenate([sentinel[:, None], encoding.cells], axis=1)
        keys = jnp.concatenate([self.sentinel_key(sentinel)[:, None], encoding.extra["keys"]], axis=1)
        energies = drop(jnp.tanh(keys + self.ask(known)[:, None]))
        scores = self.weigh(energies)[..., 0].astype(jnp.float32)
        # The sentinel is always there.
        mask = jnp.concatenate([jnp.ones_like(encoding.mask[:, :1]), encoding.mask], axis=1)
        weights = masked_softmax(scores, mask)
        context = jnp.einsum("bp,bpw->bw", weights, places)
        thought = drop(jnp.tanh(self.deep(context + known)))
        logits = self.out(thought).astype(jnp.float32)
        attention = masked_softmax(scores[:, 1:], encoding.mask)
        return Output(logits, attention, thought, {"beta": weights[:, 0]}), after
