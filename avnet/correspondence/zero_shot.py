"""What makes the sound, by the names that two classifiers give: no network of correspondence is learned.

ImageNet's classifier says in each cell of an image what is there, AudioSet's says what a sound is of, and
`avnet.names.groups` joins the classes of the one with those of the other.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.towers import BestCell, TwoTowers
from avnet.names.groups import image_matrix, narrower, sound_matrix
from avnet.nn.numerics import best_cell

# The classifier was trained on the mean over an image; alone, a cell's answers are too sure of themselves.
TEMPERATURE = 2.0
# Of log-odds by evidence, which is below a thousand; fitted to matching and mismatched pairs of real video.
SLOPE, SHIFT = 0.855, -1.604
# Evidence that counts as none.
FLOOR = 0.01


class ZeroShotNet(TwoTowers, BestCell):
    """Probabilities of groups of classes in each cell and in the sound; their weighted product is the evidence.

    A group weighs by its rarity: that both classifiers find a chainsaw says more than that both find a person. Without
    data, the share of classes that belong to a group stands for how often it is met.

    Attributes:
        scale, shift: from the logarithm of the evidence to log-odds.
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        super().__init__(config, rngs=rngs)
        self.scale = nnx.Param(jnp.full((), SLOPE))
        self.shift = nnx.Param(jnp.full((), SHIFT))

    def project_images(
        self, grids: Float[Array, "batch rows columns tower_features"]
    ) -> Float[Array, "batch rows columns features"]:
        """The probability of each group in each cell of the tower's grids; wide groups hold narrower ones."""
        return image_groups(self.vision.classify(grids))

    def visible_groups(self, images: Float[Array, "batch height width 3"]) -> Float[Array, "batch groups"]:
        """The probability of each group in images in [0, 1]."""
        return groups_of_whole(self.vision.classify(self.vision(images)))

    def encode_sounds(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch features"]:
        """The probability of each group in each sound, of which narrower groups take theirs away from wide ones."""
        return sound_groups(self.sound_classes(spectrograms))

    def response(
        self, grids: Float[Array, "batch rows columns features"], sounds: Float[Array, "batch features"]
    ) -> Float[Array, "batch rows columns"]:
        """Log-odds that each cell of image i makes sound i; its sigmoid is the heatmap."""
        return self._log_odds(jnp.einsum("brcf,bf->brc", grids, group_weights() * sounds))

    def group_response(
        self, grids: Float[Array, "batch rows columns features"], sounds: Float[Array, "batch features"]
    ) -> Float[Array, "batch rows columns features"]:
        """Log-odds that each cell of image i makes what of sound i is of each group alone."""
        return self._log_odds(grids * (group_weights() * sounds)[:, None, None])

    def source_groups(self, sounds: Float[Array, "batch features"]) -> Float[Array, "batch features"]:
        """The probability of each group in each sound, as it is."""
        return sounds

    def score_matrix(
        self, grids: Float[Array, "n rows columns features"], sounds: Float[Array, "m features"]
    ) -> Float[Array, "n m"]:
        """Log-odds of correspondence for every image with every sound."""
        return best_cell(self._log_odds(jnp.einsum("nrcf,mf->nmrc", grids, group_weights() * sounds)), axis=2)

    def _log_odds(self, evidence: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        return self.scale * jnp.log(evidence + FLOOR) + self.shift


def image_groups(logits: Float[Array, "*batch classes"]) -> Float[Array, "*batch groups"]:
    """The probability of each group of an image's classes: the sum over its own and those of narrower groups."""
    return jax.nn.softmax(logits / TEMPERATURE) @ image_matrix()


def groups_of_whole(logits: Float[Array, "batch rows columns classes"]) -> Float[Array, "batch groups"]:
    """The probability of each group in whole images, by the mean over their cells that classifiers are trained on."""
    return jax.nn.softmax(logits.mean(axis=(1, 2))) @ image_matrix()


def sound_groups(probabilities: Float[Array, "*batch classes"]) -> Float[Array, "*batch groups"]:
    """The probability of each group of a sound's classes: the largest among its own.

    A wide class is scored with its narrower ones: a bark is "Dog" and "Animal". From the wide group's probability the
    largest of its narrower groups is taken away, so that a bark points at dogs, and at animals in general only as far
    as it was not said of which.
    """
    own = jnp.max(jnp.where(sound_matrix(probabilities.shape[-1]) > 0, probabilities[..., None], 0.0), axis=-2)
    included = jnp.max(jnp.where(narrower(), own[..., None, :], 0.0), axis=-1)
    return jnp.maximum(own - included, 0.0)


def group_weights() -> Float[Array, "groups"]:
    """1 / sqrt(share of the images' classes * share of the sounds' classes) that belong to each group."""
    shares = image_matrix().mean(axis=0) * sound_matrix().mean(axis=0)
    return jnp.asarray(shares**-0.5)
