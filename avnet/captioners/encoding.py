"""What a captioner makes of an image before the first token, and what it predicts of each."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from avnet.captioners.config import CaptionerConfig
from avnet.nn.dropout import Dropout

# Pieces on either side that give a retrieved piece its context.
REACH = 2


class Encoding(NamedTuple):
    """One batch of images with their retrieved descriptions: all that depends on no token.

    Attributes:
        cells: of the images, as they are attended to.
        mask: the cells that count; the others change nothing.
        whole: what stands for a whole image.
        tokens: the tokens of the retrieved descriptions, one description after the other; padding where none.
        context: what stands for each of them.
        extra: of the network's own, by name, such as projected keys; the batch first.
    """

    cells: Float[Array, "batch cells features"]
    mask: Bool[Array, "batch cells"]
    whole: Float[Array, "batch whole_features"]
    tokens: Int[Array, "batch places"]
    context: Float[Array, "batch places width"]
    extra: dict[str, Array]

    @property
    def present(self) -> Bool[Array, "batch places"]:
        """Where a piece was retrieved: its context is not all zero."""
        return jnp.any(self.context != 0, axis=-1)


class Output(NamedTuple):
    """What a captioner predicts: of the next token (`step`) or of that after each of some (`__call__`).

    Attributes:
        logits: of generating each symbol.
        attention: weight of each cell of the image, sum 1; no cell at all where a network does not attend.
        thought: what the logits are made of, with which pieces are also chosen for copying.
        extra: of the network's own, by name: 'beta', the weight of what is known without looking; 'draw', the
            log-probability of the cell that was drawn, and 'entropy', of the draw; 'memory', the weight of what
            layers of the image took from their memory; 'next', in training, logits of the token after the next one.
    """

    logits: Float[Array, "*batch symbols"]
    attention: Float[Array, "*batch cells"]
    thought: Float[Array, "*batch features"]
    extra: dict[str, Float[Array, "..."]]


class Retrieval(nnx.Module):
    """Makes of retrieved descriptions what can be attended to.

    A retrieved piece is its embedding among those of its neighbours, with the rank and the similarity of its
    description.
    """

    def __init__(self, config: CaptionerConfig, embedding: nnx.Embed, *, rngs: nnx.Rngs):
        self.config = config
        self.embedding = embedding
        self.rank = nnx.Embed(max(1, config.retrieved), config.width, rngs=rngs)
        self.similarity = nnx.Linear(1, config.width, rngs=rngs)
        self.neighbors = nnx.Conv(config.width, config.width, (2 * REACH + 1,), padding="SAME", rngs=rngs)

    def __call__(
        self, descriptions: Int[Array, "batch descriptions length"], similarity: Float[Array, "batch descriptions"]
    ) -> Float[Array, "batch places width"]:
        """What stands for each piece; zeros where there is none.

        Args:
            descriptions: pieces, padded; a description of padding alone is none.
            similarity: of the image with each description, cosine.
        """
        batch, count, length = descriptions.shape
        there = (descriptions != self.config.padding)[..., None]
        x = jnp.where(there, self.embedding(descriptions), 0.0)
        around = self.neighbors(x.reshape(batch * count, length, self.config.width)).reshape(x.shape)
        rank = self.rank.embedding[...][:count][None, :, None] + self.similarity(similarity[..., None])[:, :, None]
        context = jnp.where(there, nnx.relu(around + rank) + x, 0.0)
        return context.reshape(batch, count * length, self.config.width)


class Reader(Retrieval):
    """Also projects the cells of images, for networks that attend to both alike."""

    def __init__(self, config: CaptionerConfig, embedding: nnx.Embed, *, rngs: nnx.Rngs):
        super().__init__(config, embedding, rngs=rngs)
        self.look = nnx.Linear(config.image_features, config.width, rngs=rngs)
        self.dropout = Dropout(config.dropout)

    def project(
        self, cells: Float[Array, "batch cells features"], rngs: nnx.Rngs | None
    ) -> Float[Array, "batch cells width"]:
        """The cells as they are attended to."""
        return self.dropout(nnx.relu(self.look(cells)), rngs=rngs)


class CopyGate(nnx.Module):
    """p = gate * p_generate + (1 - gate) * p_copy, where a piece is copied from a place of the retrieved descriptions.

    Reference: See et al., "Get To The Point: Summarization with Pointer-Generator Networks", 2017, section 2.2.
    """

    def __init__(self, config: CaptionerConfig, features: int, *, rngs: nnx.Rngs):
        self.config = config
        self.query = nnx.Linear(features, config.width, rngs=rngs)
        self.gate = nnx.Linear(features, 1, bias_init=nnx.initializers.constant(1.0), rngs=rngs)

    def places(
        self, thought: Float[Array, "batch steps features"], encoding: Encoding
    ) -> tuple[Float[Array, "batch steps places"], Float[Array, "batch steps"]]:
        """The probability of copying from each place, given that a piece is copied; and that of generating."""
        scores = jnp.einsum("btw,bpw->btp", self.query(thought), encoding.context) * self.config.width**-0.5
        present = encoding.present[:, None]
        weights = masked_softmax(scores, present)
        # In float32 even where the layers compute in bfloat16.
        gate = nnx.sigmoid(self.gate(thought)[..., 0].astype(jnp.float32))
        return weights, jnp.where(present.any(axis=-1) & self.config.copying, gate, 1.0)


def masked_softmax(
    scores: Float[Array, "*batch places"], present: Bool[Array, "... places"]
) -> Float[Array, "*batch places"]:
    """Weights that sum to 1 over what is present; all zero where nothing is.

    Args:
        scores: the larger, the more weight.
        present: in every row, or the same for many.
    """
    highest = jnp.max(jnp.where(present, scores, -1e9), axis=-1, keepdims=True, initial=-1e9)
    # Where nothing is present `highest` is -1e9: exp(scores + 1e9) would be infinite, and its gradient NaN.
    weights = jnp.where(present, jnp.exp(jnp.minimum(scores - highest, 0.0)), 0.0)
    return weights / jnp.maximum(weights.sum(axis=-1, keepdims=True), 1e-9)


def masked_mean(
    cells: Float[Array, "batch cells features"], mask: Bool[Array, "batch cells"]
) -> Float[Array, "batch features"]:
    """The mean of the cells that count; zero where none does."""
    total = jnp.where(mask[..., None], cells, 0.0).sum(axis=1)
    return total / jnp.maximum(mask.sum(axis=1), 1).astype(total.dtype)[:, None]
