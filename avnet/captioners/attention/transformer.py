"""The Transformer captioner: a causal decoder that attends to the image and to what was retrieved."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from avnet.captioners.captioner import Captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import CopyGate, Encoding, Output, Reader
from avnet.nn.dropout import Dropout

# How Flax draws weights, too.
KERNEL = nnx.initializers.lecun_normal()


class TransformerState(NamedTuple):
    """Keys and values of what was said.

    Attributes:
        keys: of each layer.
        values: of each layer.
        length: how many pieces.
    """

    keys: Float[Array, "batch layers longest width"]
    values: Float[Array, "batch layers longest width"]
    length: Int[Array, "batch"]


class Attention(nnx.Module):
    """Multi-head attention over keys and values that were projected before."""

    def __init__(self, width: int, heads: int, *, kernel_init: nnx.Initializer = KERNEL, rngs: nnx.Rngs):
        self.heads = heads
        self.query = nnx.Linear(width, width, kernel_init=kernel_init, rngs=rngs)
        self.key = nnx.Linear(width, width, kernel_init=kernel_init, rngs=rngs)
        self.value = nnx.Linear(width, width, kernel_init=kernel_init, rngs=rngs)
        self.out = nnx.Linear(width, width, kernel_init=kernel_init, rngs=rngs)

    def __call__(
        self,
        x: Float[Array, "batch steps width"],
        keys: Float[Array, "batch places width"],
        values: Float[Array, "batch places width"],
        mask: Bool[Array, "batch steps places"],
    ) -> tuple[Float[Array, "batch steps width"], Float[Array, "batch steps places"]]:
        """What was attended to, and the mean weights of all heads."""
        query, keys, values = (self._split(part) for part in (self.query(x), keys, values))
        scores = jnp.einsum("bthd,bphd->bhtp", query, keys) * query.shape[-1] ** -0.5
        # Not minus infinity, which would make NaN of a row without a place.
        weights = nnx.softmax(jnp.where(mask[:, None], scores.astype(jnp.float32), -1e9))
        heads = jnp.einsum("bhtp,bphd->bthd", weights, values)
        return self.out(heads.reshape(x.shape)), weights.mean(axis=1)

    def _split(self, x: Array) -> Array:
        return x.reshape(*x.shape[:-1], self.heads, -1)


class Layer(nnx.Module):
    """Attention to what was said, attention to the image, a wide layer; normalized before each.

    Reference: Vaswani et al., "Attention Is All You Need", 2017, section 3.1; the order of the norms as in Xiong
        et al., "On Layer Normalization in the Transformer Architecture", 2020.
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        width = config.width
        self.norm1, self.norm2, self.norm3 = (nnx.LayerNorm(width, rngs=rngs) for _ in range(3))
        self.own = Attention(width, config.heads, rngs=rngs)
        self.across = Attention(width, config.heads, rngs=rngs)
        self.wide = nnx.Linear(width, config.hidden, rngs=rngs)
        self.narrow = nnx.Linear(config.hidden, width, rngs=rngs)
        self.dropout = Dropout(config.dropout)

    def __call__(self, x, keys, values, causal, memory_keys, memory_values, present, rngs):
        """The features after the layer, and the attention to the image; `keys` and `values` hold those of `x`."""
        x = x + self.dropout(self.own(self.norm1(x), keys, values, causal)[0], rngs=rngs)
        context, weights = self.across(self.norm2(x), memory_keys, memory_values, present)
        x = x + self.dropout(context, rngs=rngs)
        wide = nnx.gelu(self.wide(self.norm3(x)))
        return x + self.dropout(self.narrow(wide), rngs=rngs), weights


class TransformerCaptioner(Captioner):
    """A causal Transformer over pieces whose memory is the cells of the image and the retrieved pieces.

    Reference: Ramos et al., "SmallCap", 2023, for retrieved descriptions as context; the copy gate is ours.
    """

    reader: Reader

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        self.config = config
        width = config.width
        self.embedding = nnx.Embed(config.symbols, width, embedding_init=nnx.initializers.normal(0.02), rngs=rngs)
        self.reader = Reader(config, self.embedding, rngs=rngs)
        self.layers = nnx.List(Layer(config, rngs=rngs) for _ in range(config.layers))
        self.norm = nnx.LayerNorm(width, rngs=rngs)
        self.dropout = Dropout(config.dropout)
        self.bias = nnx.Param(jnp.zeros(config.symbols))
        self.copy_gate = CopyGate(config, width, rngs=rngs)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """Projected cells, and the keys and values of each layer for them and for what was retrieved."""
        cells = self.reader.project(encoding.cells, rngs)
        memory = jnp.concatenate([cells, encoding.context], axis=1)
        keys = jnp.stack([layer.across.key(memory) for layer in self.layers], axis=1)
        values = jnp.stack([layer.across.value(memory) for layer in self.layers], axis=1)
        return encoding._replace(cells=cells, extra={"keys": keys, "values": values})

    def begin(self, encoding: Encoding) -> TransformerState:
        """The state before the first piece."""
        shape = (len(encoding.cells), self.config.layers, self.config.longest, self.config.width)
        return TransformerState(jnp.zeros(shape), jnp.zeros(shape), jnp.zeros(len(encoding.cells), jnp.int32))

    def __call__(
        self,
        encoding: Encoding,
        state: TransformerState,
        pieces: Int[Array, "batch steps"],
        rngs: nnx.Rngs | None = None,
    ) -> tuple[Output, TransformerState]:
        """Predicts what follows each of the pieces; as `RecurrentCaptioner`."""
        batch, steps = pieces.shape
        at = state.length[:, None] + jnp.arange(steps)
        # As in Vaswani et al., 2017, section 3.4: at a spread of 0.02 embeddings would be lost beside sines of up to 1.
        scale = self.config.width**0.5
        x = self.dropout(self.embedding(pieces) * scale + positions(at, self.config.width), rngs=rngs)
        # Over all places, whether used yet or not: the state keeps one shape, so that a step compiles once.
        causal = jnp.arange(self.config.longest) <= at[..., None]
        memory_keys, memory_values = encoding.extra["keys"], encoding.extra["values"]
        cells = encoding.cells.shape[1]
        there = jnp.concatenate([encoding.mask, encoding.present], axis=1)
        present = jnp.broadcast_to(there[:, None], (batch, steps, there.shape[1]))
        rows = jnp.arange(batch)[:, None]
        all_keys, all_values = state.keys, state.values
        attention = jnp.zeros((batch, steps, cells))
        for number, layer in enumerate(self.layers):
            normal = layer.norm1(x)
            all_keys = all_keys.at[rows, number, at].set(layer.own.key(normal))
            all_values = all_values.at[rows, number, at].set(layer.own.value(normal))
            attend = nnx.remat(Layer.__call__) if self.remat else Layer.__call__
            own = (all_keys[:, number], all_values[:, number], causal)
            x, weights = attend(layer, x, *own, memory_keys[:, number], memory_values[:, number], present, rngs)
            attention = weights[..., :cells]
        features = self.norm(x)
        logits = features @ self.embedding.embedding[...].T + self.bias[...]
        attention = attention / jnp.maximum(attention.sum(axis=-1, keepdims=True), 1e-9)
        return Output(logits, attention, features, {}), TransformerState(all_keys, all_values, state.length + steps)


def positions(at: Int[Array, "batch steps"], width: int) -> Float[Array, "batch steps width"]:
    """Sines and cosines of the place, as in Vaswani et al., 2017, section 3.5."""
    frequency = 10_000.0 ** (-jnp.arange(0, width, 2) / width)
    angle = at[..., None] * frequency
    return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], axis=-1)
