"""What a Show and Speak makes of an image before the first frame."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Key

from avnet.captioners.features import ImageFeatures
from avnet.describer.show_and_speak.config import ShowAndSpeakConfig
from avnet.nn.dropout import LEVELS
from avnet.nn.standard import Standard
from avnet.synthesizers.layers.initializers import xavier
from avnet.synthesizers.tacotron2.decoder import keys_of

# Left, top, right, bottom and area of a place.
GEOMETRY = 5
# As PyTorch's layer norm.
EPSILON = 1e-5
# Of an image, by which its noise is known.
STRONGEST = 8


class PlaceEncoder(nnx.Module):
    """Two layers without bias over each place by itself, whose dropout is always on.

    The published code gives the LSTM of its encoder no input, so that there is none here. Two things differ. Features
    are standardized first, with which attention follows the image sooner. Of a place its box and its area are known;
    the published network was also told how sure a detector is and of which of 1,601 classes.

    Reference: Wang et al., "Show and Speak: Directly Synthesize Spoken Description of Images", 2021, section 2.1, and
        its code.
    """

    def __init__(self, config: ShowAndSpeakConfig, *, rngs: nnx.Rngs):
        self.scale = Standard(config.image_features)

        def layer(features: int, outputs: int) -> nnx.Linear:
            return nnx.Linear(features, outputs, use_bias=False, kernel_init=xavier(), rngs=rngs)

        self.boxes = layer(GEOMETRY, config.boxes)
        self.hidden = layer(config.image_features + config.boxes, config.hidden)
        self.memory = layer(config.hidden, config.width)
        self.widths = (config.boxes, config.hidden, config.width)
        self.dropped = round(config.image_dropout * LEVELS)

    def __call__(self, image: ImageFeatures, keys: Key[Array, " batch"]) -> Float[Array, "batch places width"]:
        """Features of each place; zeros where there is none.

        Args:
            image: the places.
            keys: of the noise of each image.
        """
        cells = self.scale(jnp.asarray(image.cells, jnp.float32))
        boxes, hidden, memory = jnp.split(self.noise(keys, cells.shape[1]), np.cumsum(self.widths)[:2], axis=-1)
        x = self._drop(self.boxes(geometry_of(jnp.asarray(image.boxes))), boxes)
        x = self._drop(self.hidden(jnp.concatenate([cells.astype(x.dtype), x], axis=-1)), hidden)
        x = self._drop(self.memory(x), memory)
        return jnp.where(jnp.asarray(image.mask)[..., None], x, 0.0).astype(jnp.float32)

    def noise(self, keys: Key[Array, " batch"], places: int) -> Bool[Array, "batch places features"]:
        """Which features of all layers are kept: a function of the key of an image and of the number of the place.

        Args:
            keys: of each image.
            places: how many there are.
        """

        def of_place(key: Array, place: Array) -> Array:
            return jax.random.bits(jax.random.fold_in(key, place), (sum(self.widths),), jnp.uint8) >= self.dropped

        of_image = jax.vmap(of_place, in_axes=(None, 0))
        return jax.vmap(of_image, in_axes=(0, None))(keys, jnp.arange(places))

    def _drop(self, x: Array, kept: Array) -> Array:
        x = nnx.relu(x)
        return jnp.where(kept, x * (LEVELS / (LEVELS - self.dropped)), jnp.zeros_like(x))


def geometry_of(boxes: Float[Array, "*batch 4"]) -> Float[Array, "*batch 5"]:
    """Box and area of places, of mean 0 and deviation 1 over these five numbers of each, as in the published code.

    Args:
        boxes: left, top, right and bottom, as shares of the image.
    """
    sides = jnp.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    numbers = jnp.concatenate([boxes, sides.prod(axis=-1, keepdims=True)], axis=-1)
    return jax.nn.standardize(numbers, axis=-1, epsilon=EPSILON)


def image_keys(images: ImageFeatures) -> Key[Array, " batch"]:
    """Keys of the noise of images: those of one image are the same in whatever batch.

    A key stands for which features are the strongest on average, which rounding hardly changes: the same image, seen
    by the backbone in another batch, differs in its last digits.

    Args:
        images: with one place or more each.
    """
    order = np.argsort(-images.whole, axis=1, kind="stable")[:, :STRONGEST]
    return keys_of([row.astype("<i8").tobytes() for row in order])
