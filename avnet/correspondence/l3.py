"""L3-Net, the predecessor: fusion by two layers, features that are not aligned.

Reference: Arandjelovic and Zisserman, "Look, Listen and Learn", ICCV 2017, as retrained in "Objects that Sound", 2018.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from avnet.backbones.tower import Tower, rescale_logits
from avnet.correspondence.config import ModelConfig
from avnet.nn.numerics import best_cell


class L3Net(nnx.Module):
    """Two towers, global max-pooling, concatenation (vision first), fc1 with ReLU, fc2 to two logits."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        self.config = config
        self.vision = Tower(3, config.widths, rngs=rngs)
        self.audio = Tower(1, config.widths, rngs=rngs)
        features = config.embedding_size
        self.fc1 = nnx.Linear(2 * config.widths[-1], features, kernel_init=nnx.initializers.he_normal(), rngs=rngs)
        self.fc2 = nnx.Linear(features, 2, rngs=rngs)

    def encode_images(self, images: Float[Array, "batch height width 3"]) -> Float[Array, "batch features"]:
        """Pooled vision features (512 in the paper), the ones it retrieves with; unaligned with sound."""
        return best_cell(self.vision(images))

    def encode_sounds(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch features"]:
        """Pooled audio features; unaligned with vision."""
        return best_cell(self.audio(spectrograms))

    def classify(
        self, images: Float[Array, "batch features"], sounds: Float[Array, "batch features"]
    ) -> Float[Array, "batch 2"]:
        """Logits of ("does not correspond", "corresponds") for features i with features i."""
        return self.fc2(jax.nn.relu(self.fc1(jnp.concatenate([images, sounds], axis=-1))))

    def score(
        self, images: Float[Array, "batch features"], sounds: Float[Array, "batch features"]
    ) -> Float[Array, "batch"]:
        """Log-odds that image i and sound i correspond."""
        logits = self.classify(images, sounds)
        return logits[:, 1] - logits[:, 0]

    def score_matrix(
        self, images: Float[Array, "n features"], sounds: Float[Array, "m features"]
    ) -> Float[Array, "n m"]:
        """Log-odds of correspondence for every image with every sound."""
        # Image by image: the concatenated features of all pairs at once would take n times the memory.
        return jax.lax.map(lambda image: self.score(jnp.broadcast_to(image, sounds.shape), sounds), images)

    def rescale(self, slope: float, shift: float) -> None:
        """Replaces the log-odds s by slope * s + shift."""
        rescale_logits(self.fc2, slope, shift)

    def __call__(
        self, images: Float[Array, "batch height width 3"], spectrograms: Float[Array, "batch bins frames 1"]
    ) -> Float[Array, "batch 2"]:
        """Logits of ("does not correspond", "corresponds") for image i with sound i."""
        return self.classify(self.encode_images(images), self.encode_sounds(spectrograms))
