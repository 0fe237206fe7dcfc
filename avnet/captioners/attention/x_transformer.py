"""X-Transformer: X-Linear attention to what was said and to the image, without a recurrence."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.captioners.attention.x_linear import ALPHA, EPSILON, KERNEL, FeedForward, Refinement, XLinear
from avnet.captioners.attention.x_linear_encoder import XLinearEncoder
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output
from avnet.captioners.paper import PaperCaptioner
from avnet.nn.dropout import Dropout

# Dropout of embeddings as a share of that of the captioner: published is 0.1 beside 0.5.
WORD_SHARE = 0.2


class XTransformerState(NamedTuple):
    """Keys and values of what was said, and what its mean is made of.

    Attributes:
        keys: of each layer.
        values: of each layer.
        total: of the embeddings so far.
        length: how many tokens.
    """

    keys: Float[Array, "batch layers longest width"]
    values: Float[Array, "batch layers longest width"]
    total: Float[Array, "batch width"]
    length: Int[Array, "batch"]


class Normed(nnx.Module):
    """LayerNorm(CELU(W x))."""

    def __init__(self, features: int, width: int, *, rngs: nnx.Rngs):
        self.linear = nnx.Linear(features, width, kernel_init=KERNEL, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=EPSILON, rngs=rngs)

    def __call__(self, x: Float[Array, "*batch features"]) -> Float[Array, "*batch width"]:
        """The features after the layer."""
        return self.norm(nnx.celu(self.linear(x), ALPHA))


class DecoderLayer(nnx.Module):
    """The query attends to what was said, then to the image; what was said is told of it, but in the last layer."""

    def __init__(self, config: CaptionerConfig, last: bool, *, rngs: nnx.Rngs):
        width, dropout = config.width, config.dropout
        self.own = XLinear(width, config.heads, dropout, rngs=rngs)
        self.across = XLinear(width, config.heads, dropout, rngs=rngs)
        self.norm_across, self.norm_query = (nnx.LayerNorm(width, epsilon=EPSILON, rngs=rngs) for _ in range(2))
        self.refine = None if last else Refinement(width, dropout, rngs=rngs)
        self.feed_forward = None if last else FeedForward(width, config.hidden, dropout, rngs=rngs)
        self.dropout = Dropout(dropout)

    def __call__(
        self,
        query: Float[Array, "batch steps width"],
        x: Float[Array, "batch steps width"],
        own: tuple[Array, Array, Array],
        across: tuple[Array, Array, Array],
        rngs: nnx.Rngs | None,
    ) -> tuple[Array, Array, Array]:
        """The next query and features, and the attention to the image.

        Args:
            query: of each step.
            x: what was said, step by step.
            own: keys, values and mask of what was said, with those of `x`.
            across: the same of the cells of the image.
            rngs: of dropout, in training.
        """
        said = x + self.dropout(self.own(query, *own, rngs)[0], rngs=rngs)
        seen, weights = self.across(self.norm_across(said), *across, rngs)
        query = self.norm_query(said + self.dropout(seen, rngs=rngs))
        if self.refine is not None and self.feed_forward is not None:
            x = self.feed_forward(self.refine(query, x, rngs), rngs)
        return query, x, weights


class XTransformer(PaperCaptioner):
    """q_0 = P(g) * P(mean of the embeddings so far), each layer makes the next; p = softmax(W LN(GLU(W [q_0; ...]))).

    `layers` is the number of layers of the encoder, which makes g and refines the cells, and of the decoder.

    Reference: Pan et al., "X-Linear Attention Networks for Image Captioning", 2020, section 4.3 (X-Transformer);
        what it leaves open, which is most, as its code, JDAI-CV/image-captioning.
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        width, layers = config.width, config.layers
        super().__init__(config, width, nnx.initializers.normal(1.0), rngs=rngs)
        self.cells = Normed(config.image_features, width, rngs=rngs)
        self.encoder = XLinearEncoder(width, config.heads, layers, config.hidden, config.dropout, rngs=rngs)
        self.norm_words = nnx.LayerNorm(width, epsilon=EPSILON, rngs=rngs)
        self.dropout_words = Dropout(config.dropout * WORD_SHARE)
        self.of_image, self.of_words = Normed(width, width, rngs=rngs), Normed(width, width, rngs=rngs)
        self.layers = nnx.List(DecoderLayer(config, number == layers - 1, rngs=rngs) for number in range(layers))
        self.glu = nnx.Linear((layers + 1) * width, 2 * width, kernel_init=KERNEL, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=EPSILON, rngs=rngs)
        self.out = nnx.Linear(width, config.symbols, kernel_init=KERNEL, rngs=rngs)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """Refined cells with their keys and values for each layer, and the image as a whole."""
        cells = self.dropout(self.cells(encoding.cells), rngs=rngs)
        whole, cells = self.encoder(cells, encoding.mask, rngs)
        keys, values = zip(*(layer.across.project(cells) for layer in self.layers), strict=True)
        extra = {"keys": jnp.stack(keys, axis=1), "values": jnp.stack(values, axis=1)}
        return encoding._replace(cells=cells, whole=whole, extra=extra)

    def begin(self, encoding: Encoding) -> XTransformerState:
        """The state before the first token."""
        batch, width = len(encoding.cells), self.config.width
        cache = jnp.zeros((batch, self.config.layers, self.config.longest, width))
        return XTransformerState(cache, cache, jnp.zeros((batch, width)), jnp.zeros(batch, jnp.int32))

    def __call__(
        self,
        encoding: Encoding,
        state: XTransformerState,
        tokens: Int[Array, "batch steps"],
        rngs: nnx.Rngs | None = None,
    ) -> tuple[Output, XTransformerState]:
        """Predicts what follows each of the tokens."""
        batch, steps = tokens.shape
        at = state.length[:, None] + jnp.arange(steps)
        x = self.norm_words(self.config.width**0.5 * self.embedding(tokens) + positions(at, self.config.width))
        x = self.dropout_words(x, rngs=rngs)
        totals = state.total[:, None] + jnp.cumsum(x, axis=1)
        mean = totals / (at + 1)[..., None]
        query = self.dropout(self.of_image(encoding.whole)[:, None] * self.of_words(mean), rngs=rngs)
        queries = [query]
        # Over all places, whether used yet or not: the state keeps one shape, so that a step compiles once.
        causal = jnp.arange(self.config.longest) <= at[..., None]
        rows = jnp.arange(batch)[:, None]
        all_keys, all_values = state.keys, state.values
        attention = jnp.zeros((batch, steps, encoding.mask.shape[1]))
        for number, layer in enumerate(self.layers):
            keys, values = layer.own.project(x)
            all_keys = all_keys.at[rows, number, at].set(keys)
            all_values = all_values.at[rows, number, at].set(values)
            across = (encoding.extra["keys"][:, number], encoding.extra["values"][:, number], encoding.mask[:, None])
            attend = nnx.remat(DecoderLayer.__call__) if self.remat else DecoderLayer.__call__
            query, x, attention = attend(
                layer, query, x, (all_keys[:, number], all_values[:, number], causal), across, rngs
            )
            queries.append(query)
        thought = self.dropout(self.norm(nnx.glu(self.glu(jnp.concatenate(queries, axis=-1)))), rngs=rngs)
        state = XTransformerState(all_keys, all_values, totals[:, -1], state.length + steps)
        return Output(self.out(thought).astype(jnp.float32), attention, thought, {}), state


def positions(at: Int[Array, "batch steps"], width: int) -> Float[Array, "batch steps width"]:
    """Sines in even channels and cosines in odd ones, as in Vaswani et al., 2017, section 3.5."""
    angle = at[..., None] * 10_000.0 ** (-jnp.arange(0, width, 2) / width)
    return jnp.stack([jnp.sin(angle), jnp.cos(angle)], axis=-1).reshape(*at.shape, width)
