"""The shared space of images and speech in use, and its folder: network, image tower, figures of validation."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from avnet.audio.pcm import EXACT, to_pcm
from avnet.backbones.backbone import Backbone
from avnet.errors import ModelFolderError
from avnet.files import weights
from avnet.files.facts import read_facts
from avnet.files.whole import whole_folder
from avnet.speech_space.network import SpaceConfig, SpaceNetwork, log_mel, padded_pcm

FORMAT = "avnet-speech-1"
CONFIG, WEIGHTS, IMAGE = "config.json", "space.safetensors", "image"


class SpeechSpace:
    """A trained space in use: images and recordings in, unit embeddings out; what belongs together lies near.

    Attributes:
        network: in evaluation mode.
        image_tower: makes grids of images.
        fingerprint: of the network's weights; empty before they are written.
        validation: figures of the state that was kept.
    """

    def __init__(
        self,
        network: SpaceNetwork,
        image_tower: Backbone,
        fingerprint: str = "",
        validation: Mapping[str, float] | None = None,
    ):
        network.eval()
        self.network, self.image_tower, self.fingerprint = network, image_tower, fingerprint
        self.validation = dict(validation or {})

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


def write_space(path: Path, network: SpaceNetwork, image_tower: Backbone, validation: Mapping[str, float]) -> None:
    """Writes a folder; it becomes visible only when it is whole.

    Raises:
        ModelFolderError: it cannot be written.
    """
    config = {"format": FORMAT, "space": network.config.to_dict(), "validation": dict(validation)}
    with whole_folder(path, ModelFolderError) as temporary:
        (temporary / WEIGHTS).write_bytes(weights.to_bytes(network))
        (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
        image_tower.save(temporary / IMAGE)


def read_space(path: str | Path) -> SpeechSpace:
    """Reads a folder.

    Raises:
        ModelFolderError: a file is missing, damaged or does not fit.
    """
    path = Path(path)
    config, validation = read_facts(path, CONFIG, FORMAT, "a space of speech", _described)
    arrays, fingerprint = weights.read_arrays(path / WEIGHTS)
    abstract = nnx.eval_shape(lambda: SpaceNetwork(config, rngs=nnx.Rngs(0)))
    network = weights.filled(path / WEIGHTS, abstract, arrays)
    image_tower = Backbone.load(path / IMAGE)
    if image_tower.features != config.image_features:
        raise ModelFolderError(path / IMAGE, f"has {image_tower.features} features, wants {config.image_features}")
    return SpeechSpace(network, image_tower, fingerprint, validation)


def _described(listed: dict[str, Any]) -> tuple[SpaceConfig, dict[str, float]]:
    return SpaceConfig.from_dict(listed["space"]), dict(listed["validation"])
