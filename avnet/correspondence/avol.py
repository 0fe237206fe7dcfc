"""AVOL-Net: where in the image the sound comes from.

Reference: Arandjelovic and Zisserman, "Objects that Sound", ECCV 2018, section 4.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.towers import BestCell, ProjectedTowers
from avnet.nn.numerics import best_cell


class AVOLNet(ProjectedTowers, BestCell):
    """The audio vector against every cell of the vision grid; no normalisation, so background may respond weakly.

    Attributes:
        config: sizes.
        scale, shift: conv7 of the paper, one weight and one bias on the scalar product.
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        super().__init__(config, rngs=rngs)
        # 1/sqrt(d) keeps the first scores near zero whatever the embedding's size.
        self.scale = nnx.Param(jnp.full((), config.embedding_size**-0.5))
        self.shift = nnx.Param(jnp.zeros(()))

    def encode_sounds(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch features"]:
        """One vector for each log spectrogram, not normalised."""
        return self.project_sounds(self.sound_features(spectrograms))

    def project_images(
        self, grids: Float[Array, "batch rows columns tower_features"]
    ) -> Float[Array, "batch rows columns features"]:
        """Cell vectors of images whose features the tower gave."""
        return self.vision_projection(grids)

    def project_sounds(self, sounds: Float[Array, "batch tower_features"]) -> Float[Array, "batch features"]:
        """Vectors of sounds whose pooled features the tower gave."""
        return self.audio_projection(sounds)

    def response(
        self, grids: Float[Array, "batch rows columns features"], sounds: Float[Array, "batch features"]
    ) -> Float[Array, "batch rows columns"]:
        """Log-odds that each cell of image i makes sound i; its sigmoid is the heatmap."""
        product = jnp.einsum("brcf,bf->brc", grids, sounds, precision=jax.lax.Precision.HIGHEST)
        return self.scale * product + self.shift

    def score_matrix(
        self, grids: Float[Array, "n rows columns features"], sounds: Float[Array, "m features"]
    ) -> Float[Array, "n m"]:
        """Log-odds of correspondence for every image with every sound."""
        product = jnp.einsum("nrcf,mf->nmrc", grids, sounds, precision=jax.lax.Precision.HIGHEST)
        return best_cell(self.scale * product + self.shift, axis=2)
