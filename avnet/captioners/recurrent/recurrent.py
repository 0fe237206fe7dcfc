"""The recurrent captioner: two LSTMs with attention between them."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.captioners.captioner import Captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import CopyGate, Encoding, Output, Reader, masked_mean, masked_softmax
from avnet.nn.dropout import Dropout
from avnet.nn.lstm import LSTM, LSTMState


class RecurrentState(NamedTuple):
    """Of both LSTMs."""

    first: LSTMState
    second: LSTMState


class RecurrentCaptioner(Captioner):
    """Says the next piece from what was said, where it looks, and what was said of similar images.

    As Show, Attend and Tell: the state begins at the mean of the cells, attention is additive, a sigmoid gate weighs
    what was seen. Unlike it, attention asks with the output of a first LSTM and feeds a second, so that all steps of
    training but two recurrences run at once.

    Reference: Xu et al., "Show, Attend and Tell", 2015, section 3; the order of LSTM and attention as in Lu et al.,
        "Knowing When to Look", 2017, section 2.2, and Anderson et al., "Bottom-Up and Top-Down Attention", 2018.
    """

    reader: Reader

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        self.config = config
        width, hidden = config.width, config.hidden
        self.embedding = nnx.Embed(config.symbols, width, embedding_init=nnx.initializers.normal(0.1), rngs=rngs)
        self.reader = Reader(config, self.embedding, rngs=rngs)
        self.begin_state = nnx.Linear(width, 4 * hidden, rngs=rngs)
        self.first = LSTM(width, hidden, rngs=rngs)
        self.keys = nnx.Linear(width, width // 2, use_bias=False, rngs=rngs)
        self.ask = nnx.Linear(hidden, width // 2, rngs=rngs)
        self.weigh = nnx.Linear(width // 2, 1, use_bias=False, rngs=rngs)
        self.trust = nnx.Linear(hidden, 1, rngs=rngs)
        self.ask_retrieved = nnx.Linear(hidden, width, rngs=rngs)
        self.second = LSTM(hidden + 2 * width, hidden, rngs=rngs)
        self.dropout = Dropout(config.dropout)
        self.out = nnx.Linear(2 * hidden + width, width, rngs=rngs)
        self.bias = nnx.Param(jnp.zeros(config.symbols))
        self.copy_gate = CopyGate(config, 2 * hidden, rngs=rngs)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """Projected cells, their mean, and keys of them."""
        cells = self.reader.project(encoding.cells, rngs)
        whole = masked_mean(cells, encoding.mask)
        return encoding._replace(cells=cells, whole=whole, extra={"keys": self.keys(cells)})

    def begin(self, encoding: Encoding) -> RecurrentState:
        """The state before the first piece."""
        start = jnp.tanh(self.begin_state(encoding.whole).astype(jnp.float32))
        cell1, out1, cell2, out2 = jnp.split(start, 4, axis=-1)
        return RecurrentState(LSTMState(cell1, out1), LSTMState(cell2, out2))

    def __call__(
        self,
        encoding: Encoding,
        state: RecurrentState,
        pieces: Int[Array, "batch steps"],
        rngs: nnx.Rngs | None = None,
    ) -> tuple[Output, RecurrentState]:
        """Predicts what follows each of the pieces.

        Args:
            encoding: the images.
            state: after what was said before.
            pieces: said now, the end symbol before the first.
            rngs: of dropout, in training.
        """
        previous = self.dropout(self.embedding(pieces), rngs=rngs)
        lower, first = self.first(previous, state.first)
        attend = nnx.remat(RecurrentCaptioner._attend) if self.remat else RecurrentCaptioner._attend
        attention = attend(self, encoding, lower)
        image_context = nnx.sigmoid(self.trust(lower)) * jnp.einsum("btc,bcw->btw", attention, encoding.cells)
        query = self.ask_retrieved(lower) * self.config.width**-0.5
        weights = masked_softmax(jnp.einsum("btw,bpw->btp", query, encoding.context), encoding.present[:, None])
        neighbor_context = jnp.einsum("btp,bpw->btw", weights, encoding.context)
        outputs, second = self.second(
            self.dropout(jnp.concatenate([lower, image_context, neighbor_context], -1), rngs=rngs), state.second
        )
        states = jnp.concatenate([lower, outputs], axis=-1)
        features = jnp.tanh(self.out(self.dropout(jnp.concatenate([states, image_context], -1), rngs=rngs)))
        # Tied to the embedding: a piece is scored by the vector with which it is read.
        logits = features @ self.embedding.embedding[...].T + self.bias[...]
        return Output(logits, attention, states, {}), RecurrentState(first, second)

    def _attend(
        self, encoding: Encoding, query: Float[Array, "batch steps hidden"]
    ) -> Float[Array, "batch steps cells"]:
        energies = jnp.tanh(encoding.extra["keys"][:, None] + self.ask(query)[:, :, None])
        return masked_softmax(self.weigh(energies)[..., 0].astype(jnp.float32), encoding.mask[:, None])
