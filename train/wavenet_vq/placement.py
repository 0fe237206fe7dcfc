"""Where codes begin: at the centres of what the encoder makes, once it makes something."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import random
from jaxtyping import Array, Bool, Float

from avnet.units.wavenet_vq.network import WaveNetVQ

# Vectors for each code from which k-means places it, and how often the centres move.
VECTORS, MOVES = 16, 20
# Vectors whose distances are there at once.
BLOCK = 1024


class Progress(nnx.Variable):
    """What training remembers beside the network."""


class Placed(nnx.Module):
    """A WaveNet-VQ that learns without codes at first, remembers its last vectors, and places its codes among them.

    Codes that are drawn at random lie where no vector is: most would never stand for anything.

    Attributes:
        model: the network.
        updates: that it has seen.
    """

    def __init__(self, model: WaveNetVQ, after: int, vectors: int):
        """Begins it.

        Args:
            model: fresh.
            after: updates without codes.
            vectors: of one update.
        """
        self.model, self.after, self.vectors = model, after, vectors
        config = model.config
        self.slots = -(-VECTORS * config.codes // vectors)
        self.updates = Progress(jnp.zeros(()))
        self.recent = Progress(jnp.zeros((self.slots * vectors, config.features)))
        self.exists = Progress(jnp.zeros(self.slots * vectors))

    def quantize(
        self, x: Float[Array, "batch steps features"], mask: Bool[Array, "batch steps"]
    ) -> tuple[Float[Array, "batch steps features"], Float[Array, ""]]:
        """The codes in place of vectors, and how far they lie; the vectors and 0 as long as there are no codes."""
        updates = self.updates[...]
        slot = (updates.astype(jnp.int32) % self.slots) * self.vectors
        flat = jax.lax.stop_gradient(x).reshape(-1, x.shape[-1])
        self.recent[...] = jax.lax.dynamic_update_slice(self.recent[...], flat, (slot, 0))
        self.exists[...] = jax.lax.dynamic_update_slice(self.exists[...], mask.reshape(-1).astype(x.dtype), (slot,))
        quantizer = self.model.quantizer
        codes, counts = jax.lax.cond(
            updates == self.after,
            lambda: (
                k_means(self.recent[...], self.exists[...], len(quantizer.codes[...])),
                jnp.ones_like(quantizer.counts[...]),
            ),
            lambda: (quantizer.codes[...], quantizer.counts[...]),
        )
        quantizer.codes[...], quantizer.counts[...] = codes, counts
        quantized, commitment = quantizer(x, mask)
        started = updates >= self.after
        self.updates[...] = updates + 1
        return jnp.where(started, quantized, x), jnp.where(started, commitment, 0.0)


def k_means(
    vectors: Float[Array, "n features"], exists: Float[Array, " n"], count: int
) -> Float[Array, "count features"]:
    """Centres by Lloyd's algorithm; the same for the same vectors.

    Args:
        vectors: to be near to.
        exists: 1 for those that count, 0 for the others; one at least counts.
        count: of centres.

    Reference: they begin as in Arthur and Vassilvitskii, "k-means++: The Advantages of Careful Seeding", 2007.
    """

    def choose(number: Array, chosen: tuple[Array, Array]) -> tuple[Array, Array]:
        """One more vector, the likelier the farther it is from those that were chosen."""
        centres, distances = chosen
        centre = vectors[random.categorical(random.fold_in(random.key(0), number), jnp.log(distances))]
        own = jnp.square(vectors - centre).sum(axis=1) * exists
        return centres.at[number].set(centre), jnp.where(number == 0, own, jnp.minimum(distances, own))

    def move(_, centres: Array) -> Array:
        squares = jnp.square(centres).sum(axis=1)
        # By blocks: distances of all to all would take a gigabyte with thousands of codes.
        labels = jax.lax.map(lambda vector: (squares - 2 * centres @ vector).argmin(), vectors, batch_size=BLOCK)
        sizes = jnp.zeros(count).at[labels].add(exists)
        sums = jnp.zeros_like(centres).at[labels].add(vectors * exists[:, None])
        return jnp.where(sizes[:, None] > 0, sums / jnp.maximum(sizes, 1)[:, None], centres)

    # At first all that count are equally far.
    start, _ = jax.lax.fori_loop(0, count, choose, (jnp.zeros((count, vectors.shape[1])), exists))
    return jax.lax.fori_loop(0, MOVES, move, start)
