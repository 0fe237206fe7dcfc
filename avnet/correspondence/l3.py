"""L3-Net, the predecessor: fusion by two layers, features that are not aligned.

Reference: Arandjelovic and Zisserman, "Look, Listen and Learn", ICCV 2017, as retrained in "Objects that Sound", 2018.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from avnet.backbones.tower import rescale_logits
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.towers import TwoTowers


class L3Net(TwoTowers):
    """Two towers, global max-pooling, concatenation (vision first), fc1 with ReLU, fc2 to two logits."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        super().__init__(config, rngs=rngs)
        features, pooled = config.embedding_size, self.vision.features + self.audio.features
        self.fc1 = nnx.Linear(pooled, features, kernel_init=nnx.initializers.he_normal(), rngs=rngs)
        self.fc2 = nnx.Linear(features, 2, rngs=rngs)

    def encode_images(self, images: Float[Array, "batch height width channels"]) -> Float[Array, "batch features"]:
        """Pooled vision features (512 in the paper), the ones it retrieves with; unaligned with sound."""
        return self.project_images(self.image_grids(images))

    def encode_sounds(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch features"]:
        """Pooled audio features; unaligned with vision."""
        return self.project_sounds(self.sound_features(spectrograms))

    def project_images(self, grids: Float[Array, "batch rows columns features"]) -> Float[Array, "batch features"]:
        """Pooled features of images whose features the tower gave."""
        return self.pool_cells(grids)

    def project_sounds(self, sounds: Float[Array, "batch features"]) -> Float[Array, "batch features"]:
        """They are the tower's own."""
        return sounds

    def classify(
        self, images: Float[Array, "batch image_features"], sounds: Float[Array, "batch sound_features"]
    ) -> Float[Array, "batch 2"]:
        """Logits of ("does not correspond", "corresponds") for features i with features i."""
        return self.fc2(jax.nn.relu(self.fc1(jnp.concatenate([images, sounds], axis=-1))))

    def score(
        self, images: Float[Array, "batch image_features"], sounds: Float[Array, "batch sound_features"]
    ) -> Float[Array, "batch"]:
        """Log-odds that image i and sound i correspond."""
        logits = self.classify(images, sounds)
        return logits[:, 1] - logits[:, 0]

    def score_matrix(
        self, images: Float[Array, "n image_features"], sounds: Float[Array, "m sound_features"]
    ) -> Float[Array, "n m"]:
        """Log-odds of correspondence for every image with every sound."""
        # Image by image: the concatenated features of all pairs at once would take n times the memory.
        many = len(sounds)
        return jax.lax.map(lambda image: self.score(jnp.broadcast_to(image, (many, *image.shape)), sounds), images)

    def rescale(self, slope: float, shift: float) -> None:
        """Replaces the log-odds s by slope * s + shift."""
        rescale_logits(self.fc2, slope, shift)

    def __call__(
        self, images: Float[Array, "batch height width channels"], spectrograms: Float[Array, "batch bins frames 1"]
    ) -> Float[Array, "batch 2"]:
        """Logits of ("does not correspond", "corresponds") for image i with sound i."""
        return self.classify(self.encode_images(images), self.encode_sounds(spectrograms))
