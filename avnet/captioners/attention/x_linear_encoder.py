"""Blocks of X-Linear attention one after the other, which look at an image as a whole and refine its places."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from avnet.captioners.attention.x_linear import EPSILON, KERNEL, FeedForward, Refinement, XLinear
from avnet.captioners.encoding import masked_mean
from avnet.nn.dropout import Dropout


class EncoderLayer(nnx.Module):
    """The whole attends to the places and is told to them; in X-Transformer two more layers follow."""

    def __init__(self, width: int, heads: int, hidden: int | None, dropout: float, *, rngs: nnx.Rngs):
        self.attend = XLinear(width, heads, dropout, rngs=rngs)
        self.refine = Refinement(width, dropout, rngs=rngs)
        self.feed_forward = None if hidden is None else FeedForward(width, hidden, dropout, rngs=rngs)
        self.dropout = Dropout(dropout)

    def __call__(
        self,
        whole: Float[Array, "batch width"],
        places: Float[Array, "batch places width"],
        mask: Bool[Array, "batch places"],
        rngs: nnx.Rngs | None,
    ) -> tuple[Float[Array, "batch width"], Float[Array, "batch places width"]]:
        """The next whole, and the refined places."""
        seen, _ = self.attend(whole[:, None], *self.attend.project(places), mask[:, None], rngs)
        whole = self.dropout(seen, rngs=rngs)
        places = self.refine(jnp.broadcast_to(whole, places.shape), places, rngs)
        return whole[:, 0], places if self.feed_forward is None else self.feed_forward(places, rngs)


class XLinearEncoder(nnx.Module):
    """g_0 is the mean of the places, each layer makes the next; g = LN(W [g_0; ...; g_N]).

    Reference: Pan et al., "X-Linear Attention Networks for Image Captioning", 2020, section 3.2.
    """

    def __init__(self, width: int, heads: int, layers: int, hidden: int | None, dropout: float, *, rngs: nnx.Rngs):
        """Fresh weights.

        Args:
            width: of the places.
            heads: each has an even share of the width.
            layers: how many.
            hidden: width of the inner layer after each block; without any in X-LAN.
            dropout: in training.
            rngs: of the weights.
        """
        self.layers = nnx.List(EncoderLayer(width, heads, hidden, dropout, rngs=rngs) for _ in range(layers))
        self.out = nnx.Linear((layers + 1) * width, width, kernel_init=KERNEL, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=EPSILON, rngs=rngs)

    def __call__(
        self, places: Float[Array, "batch places width"], mask: Bool[Array, "batch places"], rngs: nnx.Rngs | None
    ) -> tuple[Float[Array, "batch width"], Float[Array, "batch places width"]]:
        """The image as a whole, and its refined places."""
        wholes = [masked_mean(places, mask)]
        for layer in self.layers:
            whole, places = layer(wholes[-1], places, mask, rngs)
            wholes.append(whole)
        return self.norm(self.out(jnp.concatenate(wholes, axis=-1))), places
