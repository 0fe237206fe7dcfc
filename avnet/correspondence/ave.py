"""AVE-Net: one embedding for images and sounds.

Reference: Arandjelovic and Zisserman, "Objects that Sound", ECCV 2018, section 3.
"""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from avnet.backbones.tower import rescale_logits
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.towers import ProjectedTowers
from avnet.nn.numerics import l2_normalize, pairwise_distance, safe_norm


class AVENet(ProjectedTowers):
    """Two towers, global max-pooling, two layers each, unit length; the distance alone decides.

    Attributes:
        config: sizes.
        fc3: 1 -> 2, scales and shifts the distance into the logits of ("does not correspond", "corresponds").
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        super().__init__(config, rngs=rngs)
        self.fc3 = nnx.Linear(1, 2, rngs=rngs)
        # Half on either logit: it is their difference that has the whole slope.
        slope, bias = config.distance_slope / 2, config.distance_bias / 2
        self.fc3.kernel = nnx.Param(jnp.array([[slope, -slope]]))
        self.fc3.bias = nnx.Param(jnp.array([-bias, bias]))

    def encode_images(self, images: Float[Array, "batch height width channels"]) -> Float[Array, "batch features"]:
        """Unit embeddings of images in [0, 1], of any size from 16x16."""
        return self.project_images(self.image_grids(images))

    def encode_sounds(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch features"]:
        """Unit embeddings of log spectrograms."""
        return self.project_sounds(self.sound_features(spectrograms))

    def project_images(
        self, grids: Float[Array, "batch rows columns tower_features"]
    ) -> Float[Array, "batch features"]:
        """Unit embeddings of images whose features the tower gave."""
        return l2_normalize(self.vision_projection(self.pool_cells(grids)))

    def project_sounds(self, sounds: Float[Array, "batch tower_features"]) -> Float[Array, "batch features"]:
        """Unit embeddings of sounds whose pooled features the tower gave."""
        return l2_normalize(self.audio_projection(sounds))

    def classify(
        self, images: Float[Array, "batch features"], sounds: Float[Array, "batch features"]
    ) -> Float[Array, "batch 2"]:
        """Logits of ("does not correspond", "corresponds") for embedding i with embedding i."""
        return self.fc3(safe_norm(images - sounds)[:, None])

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
        logits = self.fc3(pairwise_distance(images, sounds)[..., None])
        return logits[..., 1] - logits[..., 0]

    def rescale(self, slope: float, shift: float) -> None:
        """Replaces the log-odds s by slope * s + shift."""
        rescale_logits(self.fc3, slope, shift)

    def __call__(
        self, images: Float[Array, "batch height width channels"], spectrograms: Float[Array, "batch bins frames 1"]
    ) -> Float[Array, "batch 2"]:
        """Logits of ("does not correspond", "corresponds") for image i with sound i."""
        return self.classify(self.encode_images(images), self.encode_sounds(spectrograms))
