"""A classifier of places whose words are those of the image: multiple-instance learning by a noisy OR.

Each place of an image (a cell of a grid, or a window) has a probability for each word, and so has the image as a whole.
An image has a word unless all of these lack it, p = 1 - prod(1 - p_place); only that is learned from, for no caption
tells the place. All is computed from the evidence, -log(1 - p), which is a sum over places: products of many
probabilities near zero or one would lose their digits.

Reference: Fang et al., "From captions to visual concepts and back", 2015, section 3; Viola et al., "Multiple instance
boosting for object detection", 2005. There the places are windows of a network that is trained too. Here they are of a
backbone that stays as it is, which sees too little of a scene from one cell; hence the whole as one more place.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float

from avnet.captioners.encoding import masked_mean
from avnet.captioners.features import OF_GRIDS, ImageFeatures, Regions
from avnet.config import Plain, check_numbers
from avnet.errors import ConfigError

# Evidence below this has no gradient; its logarithm is finite.
LEAST = 1e-20


@dataclass(frozen=True)
class TaggerConfig(Plain):
    """What a network of tags is.

    Attributes:
        image_features: of a place.
        words: that it knows.
        regions: what its places are: cells of the grid, or windows over it.
    """

    DESCRIBES: ClassVar[str] = "a tagger"

    image_features: int
    words: int
    regions: Regions = "grid"

    def __post_init__(self):
        check_numbers(self)
        if min(self.image_features, self.words) < 1:
            raise ConfigError("image_features, words", f"must be at least 1, got {self.image_features}, {self.words}")
        if self.regions not in OF_GRIDS:
            raise ConfigError("regions", f"must be one of {', '.join(OF_GRIDS)}, got {self.regions!r}")


class TaggerNetwork(nnx.Module):
    """Log-odds of words in the places of images.

    Attributes:
        config: its sizes.
    """

    def __init__(self, config: TaggerConfig, *, rngs: nnx.Rngs):
        self.config = config
        # Features of backbones have scales of their own.
        self.norm = nnx.LayerNorm(config.image_features, rngs=rngs)
        # Zero: the first prediction is the bias, whatever is seen.
        zeros = nnx.initializers.zeros
        self.words = nnx.Linear(config.image_features, config.words, kernel_init=zeros, rngs=rngs)

    def __call__(self, features: ImageFeatures) -> Float[Array, "batch places_and_whole words"]:
        """Log-odds of each word in each place, and last in the whole, the mean of the places that count."""
        cells, mask = jnp.asarray(features.cells, jnp.float32), jnp.asarray(features.mask)
        whole = masked_mean(cells, mask)
        return self.words(self.norm(jnp.concatenate([cells, whole[:, None]], axis=1)))

    def evidence(self, features: ImageFeatures) -> Float[Array, "batch words"]:
        """-log(1 - p) of the words of images, at least 0: zero is impossible, .69 an even chance, infinite certain."""
        mask = jnp.pad(jnp.asarray(features.mask), ((0, 0), (0, 1)), constant_values=True)
        return noisy_or(self(features), mask)

    def begin_at(self, frequencies: Float[np.ndarray, " words"], places: int) -> None:
        """Sets the bias so that a new network predicts for any image how frequent the words are.

        Args:
            frequencies: share of the images that have each word.
            places: of an image, without the whole.
        """
        # Else a word that none or all have would have log-odds without end.
        shares = np.clip(np.asarray(frequencies, np.float64), 1e-6, 1 - 1e-6)
        lacking = np.log1p(-shares) / (places + 1)
        self.words.bias = nnx.Param(jnp.asarray(np.log(-np.expm1(lacking)) - lacking, jnp.float32))


def noisy_or(
    logits: Float[Array, "batch places words"] | np.ndarray, mask: Bool[Array, "batch places"] | np.ndarray
) -> Float[Array, "batch words"]:
    """-log(1 - p) for p = 1 - prod(1 - sigmoid(logit)) over the places that count.

    Args:
        logits: of the places.
        mask: the places that count.
    """
    # -log(1 - sigmoid(x)) is softplus(x), which is precise wherever it is.
    return jnp.sum(jax.nn.softplus(logits) * mask[..., None], axis=1)


def log_probability(evidence: Float[Array, "..."]) -> Float[Array, "..."]:
    """log(p) of -log(1 - p); finite also where the evidence is none."""
    return jnp.log(-jnp.expm1(-jnp.maximum(evidence, LEAST)))


def log_odds(evidence: Float[Array, "..."]) -> Float[Array, "..."]:
    """log(p / (1 - p)) of -log(1 - p)."""
    return log_probability(evidence) + jnp.maximum(evidence, LEAST)


def cross_entropy(evidence: Float[Array, "batch words"], targets: Float[Array, "batch words"]) -> Float[Array, ""]:
    """Of words and targets in [0, 1], summed over words, the mean over images."""
    loss = targets * -log_probability(evidence) + (1 - targets) * evidence
    return loss.sum(axis=-1).mean()
