"""One network for search and for heatmaps: what video taught, and the names that two classifiers give.

Video teaches which images and sounds belong together, but little of where in an image things are; names that were
learned from millions of labelled images and sounds tell where, but only of what has one. Here an embedding and a
heatmap are made of both.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from avnet.correspondence.ave import AVENet
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.zero_shot import FLOOR, group_weights, groups_of_whole, image_groups, sound_groups
from avnet.nn.numerics import best_cell, l2_normalize

# Share of the names in the cosine of two embeddings; chosen on held-out clips among 1/3, 1/2 and 3/5.
NAMES = 1 / 2
# What has less evidence than this is as far from everything, whatever its groups.
NAMELESS = 1.0
# Before two numbers are fitted: log-odds by agreement in [-1, 1] and by the logarithm of the evidence.
AGREEMENT, EVIDENCE, SHIFT = 8.0, 0.5, -3.0


class JointNet(AVENet):
    """AVE-Net's embedding beside the groups of classes of `zero-shot`, in one vector; cells of both for heatmaps.

    A cell and a sound agree as far as the image lies near the sound in the learned space, and as far as both are of the
    same group of classes: what was learned tells whether something in the image sounds, and names tell where. The
    place of a cell in the learned space, which little video teaches, made heatmaps no better.

    Attributes:
        agreement, evidence, shift: of the log-odds of a cell.
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        super().__init__(config, rngs=rngs)
        self.agreement = nnx.Param(jnp.full((), AGREEMENT))
        self.evidence = nnx.Param(jnp.full((), EVIDENCE))
        self.shift = nnx.Param(jnp.full((), SHIFT))

    def project_images(
        self, grids: Float[Array, "batch rows columns tower_features"]
    ) -> Float[Array, "batch features"]:
        """Unit embeddings of images whose features the tower gave: a group counts where it is most probable."""
        groups = best_cell(image_groups(self.vision.classify(grids)))
        return _beside(super().project_images(grids), groups, (1.0, 0.0))

    def project_sounds(self, sounds: Float[Array, "batch tower_features"]) -> Float[Array, "batch features"]:
        """Unit embeddings of sounds whose pooled features the tower gave."""
        return _beside(super().project_sounds(sounds), self._sound_groups(sounds), (0.0, 1.0))

    def visible_groups(self, images: Float[Array, "batch height width 3"]) -> Float[Array, "batch groups"]:
        """The probability of each group in images in [0, 1]."""
        return groups_of_whole(self.vision.classify(self.vision(images)))

    def encode_cells(self, images: Float[Array, "batch height width 3"]) -> Float[Array, "batch rows columns cell"]:
        """What `response` takes of images: the unit vector of the image, and the cell's groups."""
        return self.project_cells(self.vision(images))

    def project_cells(
        self, grids: Float[Array, "batch rows columns tower_features"]
    ) -> Float[Array, "batch rows columns cell"]:
        """What `response` takes of images whose features the tower gave."""
        groups = image_groups(self.vision.classify(grids))
        whole = super().project_images(grids)[:, None, None]
        whole = jnp.broadcast_to(whole, (*groups.shape[:3], whole.shape[-1]))
        return jnp.concatenate([whole, groups], axis=-1)

    def encode_sources(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch source"]:
        """What `response` takes of sounds: a unit vector, and the probability of each group."""
        patches = self.patch_features(spectrograms)
        return jnp.concatenate(
            [super().project_sounds(patches.mean(axis=1)), sound_groups(self.patch_classes(patches))], axis=-1
        )

    def agreements(
        self, cells: Float[Array, "batch rows columns cell"], sources: Float[Array, "batch source"]
    ) -> Float[Array, "batch rows columns 2"]:
        """Cosine of image i with sound i, and the logarithm of the evidence of each of its cells."""
        size = self.config.embedding_size
        cosine = jnp.einsum("brcf,bf->brc", cells[..., :size], sources[:, :size])
        evidence = jnp.einsum("brcf,bf->brc", cells[..., size:], group_weights() * sources[:, size:])
        return jnp.stack([cosine, jnp.log(evidence + FLOOR)], axis=-1)

    def best_agreements(
        self, cells: Float[Array, "n rows columns cell"], sources: Float[Array, "m source"]
    ) -> Float[Array, "n m 2"]:
        """The agreements of the best cell of every image with every sound."""

        def with_all(image: Float[Array, "rows columns cell"]) -> Float[Array, "m 2"]:
            agreements = self.agreements(jnp.broadcast_to(image, (len(sources), *image.shape)), sources)
            agreements = agreements.reshape(len(sources), -1, 2)
            best = self._log_odds(agreements).argmax(axis=1)
            return jnp.take_along_axis(agreements, best[:, None, None], axis=1)[:, 0]

        return jax.lax.map(with_all, cells)

    def response(
        self, cells: Float[Array, "batch rows columns cell"], sources: Float[Array, "batch source"]
    ) -> Float[Array, "batch rows columns"]:
        """Log-odds that each cell of image i makes sound i; its sigmoid is the heatmap."""
        return self._log_odds(self.agreements(cells, sources))

    def group_response(
        self, cells: Float[Array, "batch rows columns cell"], sources: Float[Array, "batch source"]
    ) -> Float[Array, "batch rows columns groups"]:
        """Log-odds that each cell of image i makes what of sound i is of each group alone."""
        size = self.config.embedding_size
        cosine = self.agreements(cells, sources)[..., :1]
        evidence = cells[..., size:] * (group_weights() * sources[:, size:])[:, None, None]
        cosine = jnp.broadcast_to(cosine, evidence.shape)
        return self._log_odds(jnp.stack([cosine, jnp.log(evidence + FLOOR)], axis=-1))

    def source_groups(self, sources: Float[Array, "batch source"]) -> Float[Array, "batch groups"]:
        """The probability of each group in each sound."""
        return sources[:, self.config.embedding_size :]

    def rescale_cells(self, agreement: float, evidence: float, shift: float) -> None:
        """Replaces the weights of what the log-odds of a cell are made of."""
        self.agreement[...], self.evidence[...], self.shift[...] = agreement, evidence, shift

    def _sound_groups(self, sounds: Float[Array, "batch tower_features"]) -> Float[Array, "batch groups"]:
        return sound_groups(self.patch_classes(sounds[:, None]))

    def _log_odds(self, agreements: Float[Array, "*batch 2"]) -> Float[Array, "*batch"]:
        return self.agreement * agreements[..., 0] + self.evidence * agreements[..., 1] + self.shift


def _beside(
    learned: Float[Array, "batch n"], groups: Float[Array, "batch m"], nameless: tuple[float, float]
) -> Float[Array, "batch n+m+2"]:
    """Both in one vector of unit length; the cosine of two such is the mean of their parts'.

    The product of two vectors of groups is the evidence of `zero_shot`, before they get unit length. Behind them is
    what has no name, of images in one place and of sounds in another: that neither has one says nothing.
    """
    weighted = jnp.sqrt(group_weights()) * groups
    # Not `len`: the batch of an exported function has no number.
    rest = jnp.broadcast_to(NAMELESS**0.5 * jnp.array(nameless), (groups.shape[0], 2))
    names = l2_normalize(jnp.concatenate([weighted, rest], axis=-1))
    return jnp.concatenate([(1 - NAMES) ** 0.5 * learned, NAMES**0.5 * names], axis=-1)
