"""A vector-quantised layer whose codes follow what they stand for by moving averages."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int


class Codebook(nnx.Variable):
    """What training changes by averaging and not by gradients."""


class VectorQuantizer(nnx.Module):
    """Each vector becomes the nearest of K codes; the gradient passes as if it had not.

    Attributes:
        use_running_average: whether the codes stay as they are, as `nnx.Module.eval` sets it.

    Reference: van den Oord et al., "Neural Discrete Representation Learning", 2017, section 3 and appendix A.1; in a
        grounded tower as in Harwath et al., "Learning Hierarchical Discrete Linguistic Units from Visually-Grounded
        Speech", 2020, section 3.
    """

    def __init__(self, codes: int, features: int, decay: float = 0.99, *, rngs: nnx.Rngs):
        self.decay = decay
        self.use_running_average = False
        self.codes = Codebook(jax.random.normal(rngs.params(), (codes, features)))
        # As if each code had stood for a vector: none is given up before the first batches.
        self.counts = Codebook(jnp.ones(codes))

    def distances(self, x: Float[Array, "*batch features"]) -> Float[Array, "*batch codes"]:
        """Squared distances to all codes, at least 0, in shares of the features' number."""
        codes = self.codes[...]
        squares = jnp.square(x).sum(axis=-1)[..., None] - 2.0 * (x @ codes.T) + jnp.square(codes).sum(axis=1)
        return jnp.maximum(squares, 0.0) / x.shape[-1]

    def nearest(self, x: Float[Array, "*batch features"]) -> Int[Array, "*batch"]:
        """Number of the nearest code."""
        codes = self.codes[...]
        # Without the squares of x, which are the same for all codes.
        return jnp.argmin(jnp.square(codes).sum(axis=1) - 2.0 * (x @ codes.T), axis=-1)

    def __call__(
        self, x: Float[Array, "batch frames features"], mask: Bool[Array, "batch frames"]
    ) -> tuple[Float[Array, "batch frames features"], Float[Array, ""]]:
        """The codes in place of the vectors, and how far they lie (the commitment loss, weight 1).

        Args:
            x: vectors.
            mask: which of them count.
        """
        labels = self.nearest(x)
        codes = self.codes[...][labels]
        weight = mask[..., None].astype(x.dtype)
        distance = jnp.sum(jnp.square(x - jax.lax.stop_gradient(codes)) * weight)
        commitment = distance / (jnp.maximum(weight.sum(), 1.0) * x.shape[-1])
        if not self.use_running_average:
            self._follow(jax.lax.stop_gradient(x), labels, mask)
        # Straight through: the value is that of the code, the gradient that of the vector.
        return x + jax.lax.stop_gradient(codes - x), commitment

    def _follow(self, x: Array, labels: Array, mask: Array) -> None:
        """Moves codes towards the mean of what they stand for; one that stands for hardly anything begins anew."""
        codes, old_counts = self.codes[...], self.counts[...]
        flat, weight = x.reshape(-1, x.shape[-1]), mask.reshape(-1).astype(x.dtype)
        counts = jnp.zeros_like(old_counts).at[labels.reshape(-1)].add(weight)
        sums = jnp.zeros_like(codes).at[labels.reshape(-1)].add(flat * weight[:, None])
        new_counts = self.decay * old_counts + (1 - self.decay) * counts
        means = (self.decay * old_counts[:, None] * codes + (1 - self.decay) * sums) / (new_counts[:, None] + 1e-6)
        # Vectors that count, taken at equal distances over the batch: deterministic and different for each code.
        order = jnp.argsort(-weight, stable=True)
        spread = (jnp.arange(len(codes)) * jnp.maximum(weight.sum().astype(int), 1)) // len(codes)
        dead = (new_counts < DEAD)[:, None]
        self.codes[...] = jnp.where(dead, flat[order[spread]], means)
        self.counts[...] = jnp.where(dead[:, 0], 1.0, new_counts)


# A code for which fewer vectors than this stand in an average batch is given up.
DEAD = 0.05
