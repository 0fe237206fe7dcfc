"""The meshed-memory Transformer: its encoder knows what images are like, and each level of that is attended to."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from avnet.captioners.attention.transformer import Attention, TransformerState, positions
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output
from avnet.captioners.paper import PaperCaptioner
from avnet.nn.dropout import Dropout

XAVIER = nnx.initializers.xavier_uniform()
# PyTorch's, under which the paper was trained; that of Flax is 1e-6.
EPSILON = 1e-5


class FeedForward(nnx.Module):
    """A wide layer, its residual and its norm: LN(x + W max(0, W x))."""

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        self.wide = nnx.Linear(config.width, config.hidden, kernel_init=XAVIER, rngs=rngs)
        self.narrow = nnx.Linear(config.hidden, config.width, kernel_init=XAVIER, rngs=rngs)
        self.norm = nnx.LayerNorm(config.width, epsilon=EPSILON, rngs=rngs)
        self.dropout = Dropout(config.dropout)

    def __call__(
        self, x: Float[Array, "batch steps width"], rngs: nnx.Rngs | None
    ) -> Float[Array, "batch steps width"]:
        """The features after it."""
        wide = self.dropout(nnx.relu(self.wide(x)), rngs=rngs)
        return self.norm(x + self.dropout(self.narrow(wide), rngs=rngs))


class MemoryLayer(nnx.Module):
    """Places attend to each other and to slots of memory, which are keys and values that no image changes."""

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        width, slots, head = config.width, config.memory, config.width // config.heads
        self.attention = Attention(width, config.heads, kernel_init=XAVIER, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=EPSILON, rngs=rngs)
        self.feed = FeedForward(config, rngs=rngs)
        self.dropout = Dropout(config.dropout)
        # They are learned at a scale of their own, and used at that of other keys and values.
        self.key_scale, self.value_scale = head**0.5, slots**0.5
        draw, count = jax.random.normal, max(1, slots)
        self.memory_keys = nnx.Param(draw(rngs.params(), (slots, width)) / head)
        self.memory_values = nnx.Param(draw(rngs.params(), (slots, width)) / count)

    def __call__(
        self, x: Float[Array, "batch places width"], mask: Bool[Array, "batch places"], rngs: nnx.Rngs | None
    ) -> tuple[Float[Array, "batch places width"], Float[Array, "batch places"]]:
        """The features after the layer, and the weight of memory for each place.

        Args:
            x: features of the places.
            mask: those that count; memory always does.
            rngs: of dropout, in training.
        """
        batch, places, _ = x.shape
        keys = self._remember(self.attention.key(x), self.key_scale * self.memory_keys[...])
        values = self._remember(self.attention.value(x), self.value_scale * self.memory_values[...])
        there = jnp.pad(mask, ((0, 0), (0, keys.shape[1] - places)), constant_values=True)
        there = jnp.broadcast_to(there[:, None], (batch, places, keys.shape[1]))
        context, weights = self.attention(x, keys, values, there)
        x = self.norm(x + self.dropout(context, rngs=rngs))
        return self.feed(x, rngs), weights[..., places:].sum(axis=-1)

    @staticmethod
    def _remember(of_image: Array, memory: Array) -> Array:
        memory = jnp.broadcast_to(memory.astype(of_image.dtype), (len(of_image), *memory.shape))
        return jnp.concatenate([of_image, memory], axis=1)


class MeshedLayer(nnx.Module):
    """Attention to what was said, then to each level of the encoder behind a gate of its own, then a wide layer."""

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        width = config.width
        self.own = Attention(width, config.heads, kernel_init=XAVIER, rngs=rngs)
        self.across = Attention(width, config.heads, kernel_init=XAVIER, rngs=rngs)
        self.own_norm, self.across_norm = (nnx.LayerNorm(width, epsilon=EPSILON, rngs=rngs) for _ in range(2))
        gates = (nnx.Linear(2 * width, width, kernel_init=XAVIER, rngs=rngs) for _ in range(config.layers))
        self.gates = nnx.List(gates)
        self.feed = FeedForward(config, rngs=rngs)
        self.dropout = Dropout(config.dropout)

    def __call__(
        self,
        x: Float[Array, "batch steps width"],
        own: tuple[Array, Array, Array],
        levels: tuple[Array, Array],
        present: Bool[Array, "batch steps places"],
        rngs: nnx.Rngs | None,
    ) -> tuple[Float[Array, "batch steps width"], Float[Array, "batch steps levels places"]]:
        """The features after the layer, and how much each place of each level is attended to, sum 1.

        Args:
            x: features of the steps.
            own: keys and values of what was said, those of `x` among them, and which each step may see.
            levels: keys and values of all levels [batch, levels, places, width].
            present: the places that count.
            rngs: of dropout, in training.
        """
        said = self.own_norm(x + self.dropout(self.own(x, *own)[0], rngs=rngs))
        (keys, values), total, shares, looks = levels, jnp.zeros_like(said), [], []
        for number, gate in enumerate(self.gates):
            # One attention for all levels, as in its code.
            context, weights = self.across(said, keys[:, number], values[:, number], present)
            context = self.across_norm(said + self.dropout(context, rngs=rngs))
            share = nnx.sigmoid(gate(jnp.concatenate([said, context], axis=-1)))
            total = total + share * context
            shares.append(share.mean(axis=-1).astype(jnp.float32))
            looks.append(weights)
        share = jnp.stack(shares, axis=-1)
        share = share / jnp.maximum(share.sum(axis=-1, keepdims=True), 1e-9)
        x = self.feed(total * len(self.gates) ** -0.5, rngs)
        return x, share[..., None] * jnp.stack(looks, axis=2)


class MeshedMemory(PaperCaptioner):
    """A Transformer whose encoder has memory beside the places, and whose decoder attends to all of its levels.

    Attention of the output is that of the last layer: the mean of all heads, and over levels that by their gates;
    `memory` is how much of what is looked at there came from memory.

    Reference: Cornia et al., "Meshed-Memory Transformer for Image Captioning", 2020, sections 3.1 and 3.2; what it
        leaves open (dropout, norms, weights) as its code, aimagelab/meshed-memory-transformer. There the mask of
        places is lost behind the first layer, so that padded regions take part; and all matrices, memory and sines
        among them, are drawn anew by Xavier at the end, so that it has random places in place of sines. Here are the
        mask, sines and memory as the paper and the layers themselves have them.
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        width = config.width
        super().__init__(config, width, XAVIER, rngs=rngs)
        self.project = nnx.Linear(config.image_features, width, kernel_init=XAVIER, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=EPSILON, rngs=rngs)
        self.encoder = nnx.List(MemoryLayer(config, rngs=rngs) for _ in range(config.layers))
        self.decoder = nnx.List(MeshedLayer(config, rngs=rngs) for _ in range(config.layers))
        self.out = nnx.Linear(width, config.symbols, use_bias=False, kernel_init=XAVIER, rngs=rngs)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """All levels of the encoder, as keys and values of each layer of the decoder, and their weight of memory."""
        layer_of = nnx.remat(MemoryLayer.__call__) if self.remat else MemoryLayer.__call__
        x = self.norm(self.dropout(nnx.relu(self.project(encoding.cells)), rngs=rngs))
        outputs, memory = [], []
        for layer in self.encoder:
            x, weight = layer_of(layer, x, encoding.mask, rngs)
            outputs.append(x)
            memory.append(weight)
        levels = jnp.stack(outputs, axis=1)
        extra = {
            "levels": levels,
            "keys": jnp.stack([layer.across.key(levels) for layer in self.decoder], axis=1),
            "values": jnp.stack([layer.across.value(levels) for layer in self.decoder], axis=1),
            "memory": jnp.stack(memory, axis=1),
        }
        return encoding._replace(extra=extra)

    def begin(self, encoding: Encoding) -> TransformerState:
        """Nothing was said."""
        shape = (len(encoding.cells), self.config.layers, self.config.longest, self.config.width)
        return TransformerState(jnp.zeros(shape), jnp.zeros(shape), jnp.zeros(len(encoding.cells), jnp.int32))

    def __call__(
        self,
        encoding: Encoding,
        state: TransformerState,
        tokens: Int[Array, "batch steps"],
        rngs: nnx.Rngs | None = None,
    ) -> tuple[Output, TransformerState]:
        """Predicts what follows each of the tokens."""
        batch, steps = tokens.shape
        at = state.length[:, None] + jnp.arange(steps)
        # No dropout here, and the first place is 1: 0 is that of padding in its code.
        x = self.embedding(tokens) + interleaved(positions(at + 1, self.config.width))
        # Over all places, whether used yet or not: the state keeps one shape, so that a step compiles once.
        causal = jnp.arange(self.config.longest) <= at[..., None]
        present = jnp.broadcast_to(encoding.mask[:, None], (batch, steps, encoding.mask.shape[1]))
        rows = jnp.arange(batch)[:, None]
        keys, values, looks = state.keys, state.values, None
        layer_of = nnx.remat(MeshedLayer.__call__) if self.remat else MeshedLayer.__call__
        for number, layer in enumerate(self.decoder):
            keys = keys.at[rows, number, at].set(layer.own.key(x).astype(keys.dtype))
            values = values.at[rows, number, at].set(layer.own.value(x).astype(values.dtype))
            own = (keys[:, number], values[:, number], causal)
            levels = (encoding.extra["keys"][:, number], encoding.extra["values"][:, number])
            x, looks = layer_of(layer, x, own, levels, present, rngs)
        assert looks is not None
        memory = jnp.einsum("btlp,blp->bt", looks, encoding.extra["memory"])
        output = Output(self.out(x).astype(jnp.float32), looks.sum(axis=2), x, {"memory": memory})
        return output, TransformerState(keys, values, state.length + steps)


def interleaved(halves: Float[Array, "batch steps width"]) -> Float[Array, "batch steps width"]:
    """The second half of the features between those of the first: each sine beside its cosine."""
    return halves.reshape(*halves.shape[:-1], 2, -1).swapaxes(-1, -2).reshape(halves.shape)
