"""Show and Speak: log-mel spectra from images, without units or text in between."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Key

from avnet.captioners.features import ImageFeatures
from avnet.describer.show_and_speak.config import ShowAndSpeakConfig
from avnet.describer.show_and_speak.matching import Matching
from avnet.describer.show_and_speak.places import PlaceEncoder, image_keys
from avnet.errors import DataError
from avnet.synthesizers.tacotron2.decoder import Memory
from avnet.synthesizers.tacotron2.guards import Guards
from avnet.synthesizers.tacotron2.spectrum_network import Forced, SpectrumNetwork, Utterance


class Told(NamedTuple):
    """What the network makes of images and of what is truly said of them.

    Attributes:
        said: what it says while it is told the true frames.
        image: vector of each image.
        speech: vector of the true frames; its product with that of an image is large where one is of the other.
    """

    said: Forced
    image: Float[Array, "batch width"]
    speech: Float[Array, "batch width"]


class ShowAndSpeak(SpectrumNetwork):
    """The decoder of a Tacotron 2 that attends to places of an image in place of tokens.

    The location convolution of its attention runs over places, which have no order of their own, as published.

    Reference: Wang et al., "Show and Speak: Directly Synthesize Spoken Description of Images", 2021. The paper tells of
        two stages of attention; its code has one, and so has this.
    """

    def __init__(self, config: ShowAndSpeakConfig, *, rngs: nnx.Rngs):
        self.config = config
        self.places = PlaceEncoder(config, rngs=rngs)
        super().__init__(config, rngs=rngs)
        self.matching = Matching(config, rngs=rngs)

    def __call__(
        self,
        images: ImageFeatures,
        frames: Float[Array, "batch frames 80"],
        frame_mask: Bool[Array, "batch frames"],
        keys: Key[Array, " batch"],
        *,
        rngs: nnx.Rngs | None = None,
        own: Bool[Array, "batch steps"] | None = None,
    ) -> Told:
        """What it says when each step is told the true frames of the one before.

        Args:
            images: their places.
            frames: normalized log-mel, see `scale`; as many as whole steps have.
            frame_mask: frames that exist; the others change nothing that is said of these.
            keys: of the noise of places and of the prenet; in training anew each time, else `image_keys`.
            rngs: of dropout, in training.
            own: steps that are told its own frames instead.

        Raises:
            DataError: the frames are not those of whole steps.
        """
        memory, noise = self._look(images, keys)
        said = self.told(memory, frames, frame_mask, noise, rngs, own)
        steps = frame_mask.reshape(len(frames), -1, self.frames_per_step).any(axis=-1)
        speech = self.matching.speech(self.steps_of(frames, frame_mask), steps, rngs)
        return Told(said, self.matching.images(memory.tokens, memory.mask), speech)

    def infer(self, images: ImageFeatures, guards: Guards | None = None) -> list[Utterance]:
        """What it says by itself, with the noise that belongs to the image: the same image gives the same spectrum.

        Args:
            images: their places, arrays of NumPy.
            guards: when it must end; None ends it after `config.steps`. Bounds of where it may look go with strings.

        Returns:
            Utterances in the order of the images, with the weights of the places that count; each says why it ended.

        Raises:
            DataError: features are of another width, or not finite, or an image has no place.
        """
        cells, mask = np.asarray(images.cells, np.float32), np.asarray(images.mask)
        if cells.shape[-1] != self.config.image_features or not np.isfinite(cells[mask]).all():
            count, there = self.config.image_features, cells.shape[-1]
            raise DataError("features", f"must be {count} finite numbers of each place, got {there}")
        if not mask.any(axis=1).all():
            raise DataError("features", "must be of one place of each image or more")
        if not len(cells):
            return []
        # The same arrays in the mode of use, whatever that of this network is.
        network = nnx.merge(*nnx.split(self))
        network.eval()
        seen = ImageFeatures(*map(jnp.asarray, (cells, mask, np.asarray(images.boxes, np.float32))))
        memory, keys = _look(network, seen, image_keys(images._replace(cells=cells, mask=mask)))
        return network.alone(memory, keys, guards or Guards.off(self.config.longest))

    def _look(self, images: ImageFeatures, keys: Array) -> tuple[Memory, Array]:
        """What the decoder reads, and the keys of the prenet's noise."""
        pairs = jax.vmap(jax.random.split)(keys)
        mask = jnp.asarray(images.mask)
        return self.decoder.memory(self.places(images, pairs[:, 0]), mask), pairs[:, 1]


@nnx.jit
def _look(network: ShowAndSpeak, images: ImageFeatures, keys: Array) -> tuple[Memory, Array]:
    return network._look(images, keys)
