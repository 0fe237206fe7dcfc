"""Attention on attention: what was attended to passes a gate that knows what was asked."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output, masked_mean, masked_softmax
from avnet.captioners.paper import PaperCaptioner
from avnet.nn.dropout import Dropout
from avnet.nn.lstm import LSTM, LSTMState

# Dropout of what the refining gates read, and of weights and residuals; no more than that of the configuration.
GATE_DROPOUT, ATTENTION_DROPOUT = 0.3, 0.1


class HeadAttention(nnx.Module):
    """Attention of several heads, which their outputs leave side by side, without a layer over them."""

    def __init__(self, config: CaptionerConfig):
        self.heads = config.heads
        self.dropout = Dropout(min(ATTENTION_DROPOUT, config.dropout))

    def __call__(
        self,
        queries: Float[Array, "batch steps width"],
        keys: Float[Array, "batch places width"],
        values: Float[Array, "batch places width"],
        mask: Bool[Array, "batch places"],
        rngs: nnx.Rngs | None,
    ) -> tuple[Float[Array, "batch steps width"], Float[Array, "batch steps places"]]:
        """What was attended to, and the mean weights of all heads."""
        split = (part.reshape(*part.shape[:-1], self.heads, -1) for part in (queries, keys, values))
        query, key, value = split
        scores = jnp.einsum("bthd,bphd->bhtp", query, key) * query.shape[-1] ** -0.5
        weights = masked_softmax(scores.astype(jnp.float32), mask[:, None, None])
        used = self.dropout(weights, rngs=rngs).astype(value.dtype)
        return jnp.einsum("bhtp,bphd->bthd", used, value).reshape(queries.shape), weights.mean(axis=1)


class Gate(nnx.Module):
    """Attention on attention: (W [a; q] + b) * sigmoid(W [a; q] + b), of what was attended to and what asked for it."""

    def __init__(self, width: int, *, rngs: nnx.Rngs):
        self.linear = nnx.Linear(2 * width, 2 * width, rngs=rngs)

    def __call__(
        self, attended: Float[Array, "*batch width"], query: Float[Array, "*batch width"]
    ) -> Float[Array, "*batch width"]:
        """What passes."""
        return nnx.glu(self.linear(jnp.concatenate([attended, query], axis=-1)))


class Refiner(nnx.Module):
    """Each cell takes from the others what passes its gate: x + gate(attention(LN x), LN x)."""

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        width = config.hidden
        self.norm = nnx.LayerNorm(width, rngs=rngs)
        self.query, self.key, self.value = (nnx.Linear(width, width, rngs=rngs) for _ in range(3))
        self.attention = HeadAttention(config)
        self.gate = Gate(width, rngs=rngs)
        self.gate_dropout = Dropout(min(GATE_DROPOUT, config.dropout))
        self.dropout = Dropout(min(ATTENTION_DROPOUT, config.dropout))

    def __call__(
        self, x: Float[Array, "batch cells width"], mask: Bool[Array, "batch cells"], rngs: nnx.Rngs | None
    ) -> Float[Array, "batch cells width"]:
        """The refined cells."""
        normal = self.norm(x)
        attended, _ = self.attention(self.query(normal), self.key(normal), self.value(normal), mask, rngs)
        passed = self.gate(self.gate_dropout(attended, rngs=rngs), self.gate_dropout(normal, rngs=rngs))
        return x + self.dropout(passed, rngs=rngs)


class AttentionOnAttentionState(NamedTuple):
    """Of the LSTM, and what it said last.

    Attributes:
        lstm: its state.
        context: what passed the gate of the decoder.
    """

    lstm: LSTMState
    context: Float[Array, "batch hidden"]


class AttentionOnAttention(PaperCaptioner):
    """Refined cells a_i with their mean a; h = LSTM([E w; a + c_{t-1}]); c_t = gate(attention(LN h; a_i), h).

    p = softmax(W c_t). Attention of the output is the mean of all heads of the decoder.

    Reference: Huang et al., "Attention on Attention for Image Captioning", 2019, section 3; what it leaves open (ReLU
        of words and cells, norms, dropout) as its code, husthuaan/AoANet, whose norms divide by the unbiased deviation.
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        hidden = config.hidden
        super().__init__(config, hidden, nnx.initializers.normal(1.0), rngs=rngs)
        self.project = nnx.Linear(config.image_features, hidden, rngs=rngs)
        self.refiners = nnx.List(Refiner(config, rngs=rngs) for _ in range(config.layers))
        self.cells_norm, self.ask_norm = (nnx.LayerNorm(hidden, rngs=rngs) for _ in range(2))
        self.keys, self.values, self.ask = (nnx.Linear(hidden, hidden, rngs=rngs) for _ in range(3))
        self.lstm = LSTM(config.width + hidden, hidden, open_forget=False, rngs=rngs)
        self.attention = HeadAttention(config)
        self.gate = Gate(hidden, rngs=rngs)
        self.out = nnx.Linear(hidden, config.symbols, rngs=rngs)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """Refined cells, as keys and values, and their mean."""
        refine = nnx.remat(Refiner.__call__) if self.remat else Refiner.__call__
        cells = self.dropout(nnx.relu(self.project(encoding.cells)), rngs=rngs)
        for refiner in self.refiners:
            cells = refine(refiner, cells, encoding.mask, rngs)
        cells = self.cells_norm(cells)
        extra = {"keys": self.keys(cells), "values": self.values(cells)}
        return encoding._replace(cells=cells, whole=masked_mean(cells, encoding.mask), extra=extra)

    def begin(self, encoding: Encoding) -> AttentionOnAttentionState:
        """Zeros."""
        lstm = self.lstm.zeros(len(encoding.whole))
        return AttentionOnAttentionState(lstm, jnp.zeros_like(lstm.output))

    def step(
        self,
        encoding: Encoding,
        state: AttentionOnAttentionState,
        token: Int[Array, "batch"],
        rngs: nnx.Rngs | None = None,
    ) -> tuple[Output, AttentionOnAttentionState]:
        """Predicts what follows one token."""
        word = self.dropout(nnx.relu(self.embedding(token)), rngs=rngs)
        image = encoding.whole + self.dropout(state.context, rngs=rngs)
        lstm = self.lstm.step(jnp.concatenate([word, image], axis=-1), state.lstm)
        query = self.ask(self.ask_norm(lstm.output))[:, None]
        keys, values = encoding.extra["keys"], encoding.extra["values"]
        attended, attention = self.attention(query, keys, values, encoding.mask, rngs)
        context = self.gate(attended[:, 0], lstm.output).astype(jnp.float32)
        thought = self.dropout(context, rngs=rngs)
        logits = self.out(thought).astype(jnp.float32)
        return Output(logits, attention[:, 0], thought, {}), AttentionOnAttentionState(lstm, context)
