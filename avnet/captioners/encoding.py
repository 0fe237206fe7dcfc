"""What a captioner attends to, the cells of an image and descriptions of similar images, and what it predicts."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from avnet.captioners.config import CaptionerConfig

# Pieces on either side that give a retrieved piece its context.
REACH = 2


class Encoding(NamedTuple):
    """One batch of images with their retrieved descriptions.

    Attributes:
        cells: of the images, projected.
        tokens: the tokens of the retrieved descriptions, one description after the other; padding where none.
        context: what stands for each of them.
    """

    cells: Float[Array, "batch cells width"]
    tokens: Int[Array, "batch places"]
    context: Float[Array, "batch places width"]

    @property
    def present(self) -> Bool[Array, "batch places"]:
        """Where a piece was retrieved: its context is not all zero."""
        return jnp.any(self.context != 0, axis=-1)


class Reader(nnx.Module):
    """Makes what a captioner attends to.

    A retrieved piece is its embedding among those of its neighbours, with the rank and the similarity of its
    description.
    """

    def __init__(self, config: CaptionerConfig, embedding: nnx.Embed, *, rngs: nnx.Rngs):
        self.config = config
        self.embedding = embedding
        self.look = nnx.Linear(config.image_features, config.width, rngs=rngs)
        self.dropout = nnx.Dropout(config.dropout)
        self.rank = nnx.Embed(max(1, config.retrieved), config.width, rngs=rngs)
        self.similarity = nnx.Linear(1, config.width, rngs=rngs)
        self.neighbors = nnx.Conv(config.width, config.width, (2 * REACH + 1,), padding="SAME", rngs=rngs)

    def __call__(
        self,
        grids: Float[Array, "batch rows columns features"],
        descriptions: Int[Array, "batch descriptions length"],
        similarity: Float[Array, "batch descriptions"],
        rngs: nnx.Rngs | None = None,
    ) -> Encoding:
        """Reads images and what was retrieved for them.

        Args:
            grids: of a backbone.
            descriptions: pieces, padded; a description of padding alone is none.
            similarity: of the image with each description, cosine.
            rngs: of dropout, in training.
        """
        batch, count, length = descriptions.shape
        cells = self.dropout(nnx.relu(self.look(grids.reshape(batch, -1, grids.shape[-1]))), rngs=rngs)
        there = (descriptions != self.config.padding)[..., None]
        x = jnp.where(there, self.embedding(descriptions), 0.0)
        around = self.neighbors(x.reshape(batch * count, length, self.config.width)).reshape(x.shape)
        rank = self.rank.embedding[...][:count][None, :, None] + self.similarity(similarity[..., None])[:, :, None]
        context = jnp.where(there, nnx.relu(around + rank) + x, 0.0)
        return Encoding(
            cells, descriptions.reshape(batch, -1), context.reshape(batch, count * length, self.config.width)
        )


class CopyGate(nnx.Module):
    """p = gate * p_generate + (1 - gate) * p_copy, where a piece is copied from a place of the retrieved descriptions.

    Reference: See et al., "Get To The Point: Summarization with Pointer-Generator Networks", 2017, section 2.2.
    """

    def __init__(self, config: CaptionerConfig, features: int, *, rngs: nnx.Rngs):
        self.config = config
        self.query = nnx.Linear(features, config.width, rngs=rngs)
        self.gate = nnx.Linear(features, 1, bias_init=nnx.initializers.constant(1.0), rngs=rngs)

    def places(
        self, features: Float[Array, "batch steps features"], encoding: Encoding
    ) -> tuple[Float[Array, "batch steps places"], Float[Array, "batch steps"]]:
        """The probability of copying from each place, given that a piece is copied; and that of generating."""
        scores = jnp.einsum("btw,bpw->btp", self.query(features), encoding.context) * self.config.width**-0.5
        present = encoding.present[:, None]
        weights = masked_softmax(scores, present)
        # In float32 even where the layers compute in bfloat16.
        gate = nnx.sigmoid(self.gate(features)[..., 0].astype(jnp.float32))
        return weights, jnp.where(present.any(axis=-1) & self.config.copying, gate, 1.0)


def masked_softmax(
    scores: Float[Array, "batch steps places"], present: Bool[Array, "batch steps_or_1 places"]
) -> Float[Array, "batch steps places"]:
    """Weights that sum to 1 over what is present; all zero where nothing is."""
    highest = jnp.max(jnp.where(present, scores, -1e9), axis=-1, keepdims=True, initial=-1e9)
    # Where nothing is present `highest` is -1e9: exp(scores + 1e9) would be infinite, and its gradient NaN.
    weights = jnp.where(present, jnp.exp(jnp.minimum(scores - highest, 0.0)), 0.0)
    return weights / jnp.maximum(weights.sum(axis=-1, keepdims=True), 1e-9)


class Output(NamedTuple):
    """What a captioner predicts of the next token.

    Attributes:
        logits: of generating each symbol.
        places: of copying from each place.
        gate: probability of generating rather than copying.
        attention: weight of each cell of the image.
    """

    logits: Float[Array, "batch steps symbols"]
    places: Float[Array, "batch steps places"]
    gate: Float[Array, "batch steps"]
    attention: Float[Array, "batch steps cells"]

    def log_probability(self, encoding: Encoding, pieces: Int[Array, "batch steps"]) -> Float[Array, "batch steps"]:
        """Of given pieces."""
        generation = jnp.take_along_axis(nnx.softmax(self.logits), pieces[..., None], axis=-1)[..., 0]
        copy = jnp.sum(self.places * (encoding.tokens[:, None] == pieces[..., None]), axis=-1)
        return jnp.log(self.gate * generation + (1 - self.gate) * copy + 1e-9)

    def log_probabilities(self, encoding: Encoding) -> Float[Array, "batch symbols"]:
        """Of every symbol at the only step there is."""
        batch = jnp.arange(len(encoding.tokens))[:, None]
        generation = nnx.softmax(self.logits[:, 0])
        copy = jnp.zeros_like(generation).at[batch, encoding.tokens].add(self.places[:, 0])
        gate = self.gate[:, 0, None]
        return jnp.log(gate * generation + (1 - gate) * copy + 1e-9)
