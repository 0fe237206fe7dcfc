"""X-Linear attention: queries and keys are multiplied, channel by channel, and weigh both places and channels."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from avnet.captioners.encoding import masked_softmax
from avnet.nn.dropout import Dropout

# Of CELU, and of all norms, as published.
ALPHA, EPSILON = 1.3, 1e-5
# Dropout of the map and of what refines the places, as shares of that of the captioner: published are 0.1 and 0.3
# beside 0.5.
MAP_SHARE, REFINE_SHARE = 0.2, 0.6
# Evenly up to the root of the inputs, as PyTorch begins.
KERNEL = nnx.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


class Projection(nnx.Module):
    """GroupNorm(CELU(W x)), with a group for each head: every place is normalized by itself."""

    def __init__(self, width: int, heads: int, *, rngs: nnx.Rngs):
        self.linear = nnx.Linear(width, width, kernel_init=KERNEL, rngs=rngs)
        self.norm = nnx.GroupNorm(width, heads, epsilon=EPSILON, rngs=rngs)

    def __call__(self, x: Float[Array, "*batch width"]) -> Float[Array, "*batch width"]:
        """The projected features."""
        rows = nnx.celu(self.linear(x), ALPHA).reshape(-1, x.shape[-1])
        return self.norm(rows).reshape(x.shape)


class XLinear(nnx.Module):
    """B_i = P(q) * P(k_i), B'_i = ReLU(W B_i) in each head, with weights that the heads share.

    alpha = softmax(w B'_i) weighs the places, g = sigmoid(W mean B'_i) the channels: P(q) * sum alpha_i P(v_i) * g. So
    each block multiplies the query twice into what is seen, and raises the order of the features by two.

    Reference: Pan et al., "X-Linear Attention Networks for Image Captioning", 2020, section 3.1; what it leaves open
        (where CELU and norms stand, the width of B', dropout) as its code, JDAI-CV/image-captioning.
    """

    def __init__(self, width: int, heads: int, dropout: float, *, rngs: nnx.Rngs):
        """Fresh weights.

        Args:
            width: of queries and places.
            heads: each has an even share of the width.
            dropout: of the captioner; the map has a fifth of it.
            rngs: of the weights.
        """
        self.heads = heads
        self.query, self.key, self.gain, self.value = (Projection(width, heads, rngs=rngs) for _ in range(4))
        head = width // heads
        inner = head // 2
        self.map = nnx.Linear(head, inner, kernel_init=KERNEL, rngs=rngs)
        self.weigh = nnx.Linear(inner, 1, kernel_init=KERNEL, rngs=rngs)
        self.gate = nnx.Linear(inner, head, kernel_init=KERNEL, rngs=rngs)
        self.dropout = Dropout(dropout * MAP_SHARE)

    def project(
        self, places: Float[Array, "batch places width"]
    ) -> tuple[Float[Array, "batch places width"], Float[Array, "batch places width"]]:
        """Keys and values of places, which depend on no query."""
        return self.key(places), self.value(places)

    def __call__(
        self,
        query: Float[Array, "batch steps width"],
        keys: Float[Array, "batch places width"],
        values: Float[Array, "batch places width"],
        mask: Bool[Array, "batch #steps places"],
        rngs: nnx.Rngs | None,
    ) -> tuple[Float[Array, "batch steps width"], Float[Array, "batch steps places"]]:
        """What each query attends to, and the mean weights of all heads.

        Args:
            query: of some steps.
            keys: of the places, from `project`.
            values: of the places, from `project`.
            mask: the places that count, for each step or for all.
            rngs: of dropout, in training.
        """
        q, k, v, gain = (self._split(part) for part in (self.query(query), keys, values, self.gain(query)))
        inner = self.dropout(self._map(q, k), rngs=rngs)
        mask = mask[:, :, None]
        weights = masked_softmax(self.weigh(inner)[..., 0].astype(jnp.float32), mask)
        counts = jnp.maximum(mask.sum(axis=-1, keepdims=True), 1).astype(inner.dtype)
        mean = jnp.where(mask[..., None], inner, 0.0).sum(axis=3) / counts
        seen = jnp.einsum("bthp,bphd->bthd", weights, v)
        heads = gain * seen * nnx.sigmoid(self.gate(mean))
        return heads.reshape(query.shape), weights.mean(axis=2)

    def _map(self, query: Array, keys: Array) -> Array:
        """B', by batch, step, head, place and channel."""
        dtype = self.map.dtype or query.dtype
        assert self.map.bias is not None
        kernel, bias = self.map.kernel[...].astype(dtype), self.map.bias[...].astype(dtype)
        # The query goes into the weights, not into the keys: their product, which is large, is never written.
        weights = query.astype(dtype)[..., None] * kernel
        return nnx.relu(jnp.einsum("bphd,bthdm->bthpm", keys.astype(dtype), weights) + bias)

    def _split(self, x: Array) -> Array:
        return x.reshape(*x.shape[:-1], self.heads, -1)


class FeedForward(nnx.Module):
    """Two layers beside what comes in, normalized after them, as in Vaswani et al., 2017, section 3.3."""

    def __init__(self, width: int, hidden: int, dropout: float, *, rngs: nnx.Rngs):
        self.wide = nnx.Linear(width, hidden, kernel_init=KERNEL, rngs=rngs)
        self.narrow = nnx.Linear(hidden, width, kernel_init=KERNEL, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=EPSILON, rngs=rngs)
        self.dropout = Dropout(dropout)

    def __call__(self, x: Float[Array, "*batch width"], rngs: nnx.Rngs | None) -> Float[Array, "*batch width"]:
        """The features after the layers."""
        wide = self.dropout(nnx.relu(self.wide(x)), rngs=rngs)
        return self.norm(x + self.dropout(self.narrow(wide), rngs=rngs))


class Refinement(nnx.Module):
    """LN(x_i + ReLU(W [g; x_i])): tells every place what was seen as a whole."""

    def __init__(self, width: int, dropout: float, *, rngs: nnx.Rngs):
        """Fresh weights.

        Args:
            width: of the places.
            dropout: of the captioner; here are three fifths of it.
            rngs: of the weights.
        """
        self.mix = nnx.Linear(2 * width, width, kernel_init=KERNEL, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=EPSILON, rngs=rngs)
        self.dropout = Dropout(dropout * REFINE_SHARE)

    def __call__(
        self, whole: Float[Array, "batch places width"], x: Float[Array, "batch places width"], rngs: nnx.Rngs | None
    ) -> Float[Array, "batch places width"]:
        """The refined places."""
        return self.norm(x + self.dropout(nnx.relu(self.mix(jnp.concatenate([whole, x], axis=-1))), rngs=rngs))
