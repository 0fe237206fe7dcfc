"""The shared space of images and speech in use, and its folder: network, image tower, figures of validation."""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from avnet.audio.pcm import EXACT, to_pcm
from avnet.backbones.backbone import Backbone
from avnet.files.artifact import WEIGHTS, Header, new_artifact, read_header
from avnet.files.kinds import SPACE
from avnet.files.weights import Precision, fill_network, fingerprint_in_memory, to_bytes
from avnet.nn.abstract import abstract_network
from avnet.speech_space.network import SpaceConfig, SpaceNetwork, log_mel, padded_pcm
from avnet.zoo.reference import locate

# The folder of the image tower within that of a space, and its name among what the space requires.
IMAGE = "image"


class SpeechSpace:
    """A trained space in use: images and recordings in, unit embeddings out; what belongs together lies near.

    Attributes:
        network: in evaluation mode.
        image_tower: makes grids of images.
        validation: figures of the state that was kept.

    Example:
        >>> space = avnet.load("runs/speech/model")
        >>> image = space.embed_images([avnet.read_image("garden.jpg")])
        >>> recording = avnet.read_waveform("recording.wav", 16_000)
        >>> speech = space.embed_speech([recording.samples])
        >>> similarity = float((image @ speech.T)[0, 0])
        >>> -1 <= similarity <= 1
        True
    """

    def __init__(
        self,
        network: SpaceNetwork,
        image_tower: Backbone,
        fingerprint: str | None = None,
        validation: Mapping[str, float] | None = None,
    ):
        network.eval()
        self.network, self.image_tower, self._fingerprint = network, image_tower, fingerprint
        self.validation = dict(validation or {})

    @classmethod
    def load(cls, path: str | Path) -> "SpeechSpace":
        """Opens a folder that `save` wrote.

        Raises:
            ModelFolderError: it is not a space, of an earlier or newer avnet, damaged, or has another image tower than
                it was trained with.
        """
        header = read_header(locate(path).folder, SPACE)
        with header.parsing():
            config = SpaceConfig.from_dict(header.config)
            validation = {name: float(value) for name, value in header.facts["validation"].items()}
        network = abstract_network(lambda rngs: SpaceNetwork(config, rngs=rngs))
        network = fill_network(header.folder / WEIGHTS, network, header.arrays())
        tower = Backbone.part_of(header, IMAGE, config.image_features)
        return cls(network, tower, header.fingerprint, validation)

    def save(self, path: str | Path, card: str = "", precision: Precision = "float32") -> str:
        """Writes a folder; it becomes visible only when it is whole.

        Args:
            path: the folder; an earlier one there is replaced.
            card: for people, Markdown.
            precision: in which weights are stored, the image tower's too; they are float32 again when it is opened.

        Returns:
            The fingerprint.

        Raises:
            ModelFolderError: it cannot be written, or a weight is beyond float16; an earlier one stays.
        """
        with new_artifact(path, SPACE, card) as draft:
            draft.config = self.network.config.to_dict()
            draft.facts = {"validation": self.validation}
            draft.requires = {IMAGE: self.image_tower.save(draft.folder / IMAGE, precision=precision)}
            (draft.folder / WEIGHTS).write_bytes(to_bytes(self.network, precision))
        self._fingerprint = draft.fingerprint
        return draft.fingerprint

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a space."""
        with header.parsing():
            config = SpaceConfig.from_dict(header.config)
            figures = {name: f"{value:.4g}" for name, value in header.facts["validation"].items()}
        stages = " and ".join(map(str, config.tower.quantized_stages))
        codes = {"codes": f"{config.tower.codes:,} after stage {stages}"} if stages else {}
        return {
            "embedding": f"{config.embedding_size} numbers",
            "speech": f"up to {config.limit_s:g} s",
            **codes,
            **figures,
        }

    @property
    def fingerprint(self) -> str:
        """That of its folder, image tower included, whether it was saved or not."""
        if self._fingerprint is None:
            requires = {IMAGE: self.image_tower.fingerprint}
            self._fingerprint = fingerprint_in_memory(SPACE, self.network.config.to_dict(), self.network, requires)
        return self._fingerprint

    @property
    def embedding_size(self) -> int:
        """Length of an embedding."""
        return self.network.config.embedding_size

    def embed_images(self, images: Sequence[np.ndarray]) -> Float[np.ndarray, "n embedding"]:
        """Unit embeddings of images, uint8 RGB [height, width, 3]."""
        return self.embed_grids(self.image_tower.grids(images))

    def embed_grids(self, grids: Float[np.ndarray, "n rows columns features"]) -> Float[np.ndarray, "n embedding"]:
        """Unit embeddings of images of which the image tower has made grids; the mean of a grid is as good."""
        return np.asarray(_embed_grids(*self._parts, jnp.asarray(grids)))

    def embed_speech(self, waveforms: Sequence[Float[np.ndarray, "_"]]) -> Float[np.ndarray, "n embedding"]:
        """Unit embeddings of recordings, all in one batch.

        Args:
            waveforms: mono in [-1, 1] at 16 kHz; what lies after the space's limit changes nothing.
        """
        return self.embed_pcm([to_pcm(waveform, EXACT) for waveform in waveforms])

    def embed_pcm(self, recordings: Sequence[np.ndarray]) -> Float[np.ndarray, "n embedding"]:
        """As `embed_speech`, of 16-bit samples."""
        pcm, frames = padded_pcm(list(recordings), self.network.config.limit_s)
        return np.asarray(_embed_pcm(*self._parts, jnp.asarray(pcm), jnp.asarray(frames)))

    @cached_property
    def _parts(self) -> tuple[nnx.GraphDef, nnx.State]:
        return nnx.split(self.network)


# One program for all spaces of the same sizes.
@partial(jax.jit, static_argnums=0)
def _embed_grids(graph: nnx.GraphDef, state: nnx.State, grids: Array) -> Array:
    return nnx.merge(graph, state).embed_grids(grids)


@partial(jax.jit, static_argnums=0)
def _embed_pcm(graph: nnx.GraphDef, state: nnx.State, pcm: Array, frames: Array) -> Array:
    return nnx.merge(graph, state).embed_speech(log_mel(pcm), frames)[0]
