"""Vectors of recordings of any length: what an audio backbone and the sound side of a model have in common."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from avnet.audio.spectrogram import log_spectrogram
from avnet.backbones.audio.backbone import AudioBackbone
from avnet.backbones.tower import Tower
from avnet.correspondence.model import Model
from avnet.correspondence.network import Network
from avnet.errors import ConfigError
from avnet.files.artifact import read_header
from avnet.files.kinds import AUDIO_BACKBONE, MODEL
from avnet.media.audio import Waveform
from avnet.media.clips import moment_times
from avnet.nn.batching import batched
from avnet.zoo.reference import locate
from eval.probe.config import Layer

# The numbers that L3-Net's grid is pooled to: 4 x 3 cells of 512.
LARGEST_GRID = 6144
BATCH = 16


class SoundSide(Protocol):
    """Whatever gives vectors of sounds.

    Attributes:
        sample_rate: of the waveforms that it takes, Hz.
    """

    sample_rate: int

    @property
    def artifact(self) -> AudioBackbone | Model:
        """The backbone or the model."""
        ...

    def embed(self, waveform: Waveform) -> Float[np.ndarray, "crops features"]:
        """The vectors of overlapping crops of a recording of any length."""
        ...


class BackboneSide:
    """An audio backbone, which cuts a sound itself."""

    def __init__(self, artifact: AudioBackbone, layer: Layer):
        if layer != "embedding":
            raise ConfigError("--layer", "must be embedding: an audio backbone has nothing above it")
        self.artifact, self.sample_rate = artifact, artifact.sample_rate

    def embed(self, waveform: Waveform) -> Float[np.ndarray, "crops features"]:
        """A vector every .48 s."""
        return self.artifact.embed(waveform.samples[None])[0]


class ModelSide:
    """The sound side of a model, by crops of its clip's length that overlap by half."""

    def __init__(self, artifact: Model, layer: Layer):
        self.artifact, self.sample_rate = artifact, artifact.config.spectrogram.sample_rate
        self._vectors = artifact.embed_waveforms if layer == "embedding" else self._tower_vectors

    def embed(self, waveform: Waveform) -> Float[np.ndarray, "crops features"]:
        """A vector for each crop; silence is added to a sound that is shorter than one."""
        clip_s = self.artifact.config.clip_s
        times = moment_times(waveform.start_s, waveform.end_s, clip_s, clip_s / 2)
        return self._vectors(np.stack([waveform.cut(float(time), clip_s) for time in times]))

    def _tower_vectors(self, clips: np.ndarray) -> np.ndarray:
        return batched(self._tower_jit, clips, size=BATCH)

    @cached_property
    def _tower_jit(self) -> Callable:
        front = self.artifact.config.spectrogram
        graph, state = nnx.split(self.artifact.network)
        apply = jax.jit(lambda state, x: tower_vectors(nnx.merge(graph, state), log_spectrogram(x, front)))
        return lambda x: apply(state, x)


# By the kind of the folder.
SIDES: dict[str, Callable[[Any, Layer], SoundSide]] = {
    AUDIO_BACKBONE.name: BackboneSide,
    MODEL.name: ModelSide,
}


def open_sound_side(folder: Path, layer: Layer) -> SoundSide:
    """Opens an audio backbone or a model, by its folder, its name or its address on the Hub.

    Raises:
        ConfigError: it has no such layer.
        ModelFolderError: it is neither, or damaged.
    """
    header = read_header(locate(folder).folder, AUDIO_BACKBONE, MODEL)
    return SIDES[header.kind.name](header.kind.type.load(header.folder), layer)


def tower_vectors(
    network: Network, spectrograms: Float[Array, "batch bins frames 1"]
) -> Float[Array, "batch features"]:
    """What the audio tower of a network gives: the pooled grid of the papers' tower, a backbone's vector."""
    if isinstance(network.audio, Tower):
        return pool_grid(network.audio(spectrograms))
    return network.sound_features(spectrograms)


def pool_grid(grid: Float[Array, "batch rows columns features"]) -> Float[Array, "batch numbers"]:
    """The grid as one vector, of cells as large as it takes to have at most `LARGEST_GRID` numbers.

    Reference: Arandjelovic and Zisserman, "Look, Listen and Learn", 2017, section 4.2.
    """
    batch, rows, columns, features = grid.shape
    cell = 1
    while -(-rows // cell) * -(-columns // cell) * features > LARGEST_GRID and cell < max(rows, columns):
        cell += 1
    window = (1, cell, cell, 1)
    return jax.lax.reduce_window(grid, -jnp.inf, jax.lax.max, window, window, "SAME").reshape(batch, -1)
