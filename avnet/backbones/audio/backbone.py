"""An audio backbone in use: sounds of any length in, a vector for each stretch of them out; and its folder."""

from functools import cached_property, partial
from pathlib import Path

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from avnet.audio.config import SpectrogramConfig
from avnet.audio.spectrogram import log_spectrogram
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.audio.network import AudioNetwork, abstract_audio
from avnet.errors import ConfigError
from avnet.files.artifact import WEIGHTS, Header, new_artifact, read_header
from avnet.files.kinds import AUDIO_BACKBONE
from avnet.files.weights import fill_network, fingerprint_in_memory, to_bytes
from avnet.names import audioset
from avnet.nn.batching import batched
from avnet.zoo.reference import locate

# Of patches; larger ones are no quicker on two cores.
BATCH = 16


class AudioBackbone:
    """A network in evaluation mode, with its front end and batching around it.

    A sound is cut into overlapping patches, of .975 s where nothing else was chosen, one every .48 s; zeros are added
    to its end until the last patch is whole, so that the shortest sound has one.

    Attributes:
        config: what the network is, and its front end.
        network: its running statistics are used and not moved.

    Example:
        >>> backbone = avnet.load("audio-backbone")
        >>> waveform = avnet.read_waveform("bark.wav", backbone.sample_rate).cut(mid_s=0.5, clip_s=0.9)
        >>> backbone.embed(waveform[None]).shape
        (1, 1, 1024)
        >>> scores = backbone.class_scores(waveform[None])
        >>> loudest = backbone.classes[scores[0, 0].argmax()]
    """

    def __init__(self, config: AudioBackboneConfig, network: AudioNetwork, fingerprint: str | None = None):
        """Puts a network into evaluation mode."""
        self.config, self.network, self._fingerprint = config, network, fingerprint
        network.eval()

    @classmethod
    def load(cls, path: str | Path) -> "AudioBackbone":
        """Opens a folder that `save` wrote.

        Raises:
            ModelFolderError: it is not an audio backbone, of an earlier or newer avnet, or damaged.
        """
        header = read_header(locate(path).folder, AUDIO_BACKBONE)
        with header.parsing():
            config = AudioBackboneConfig.from_dict(header.config)
        network = fill_network(header.folder / WEIGHTS, abstract_audio(config), header.arrays())
        return cls(config, network, header.fingerprint)

    def save(self, path: str | Path, card: str = "") -> str:
        """Writes a folder; it becomes visible only when it is whole.

        Args:
            path: the folder; an earlier one there is replaced.
            card: for people, Markdown.

        Returns:
            The fingerprint.

        Raises:
            ModelFolderError: it cannot be written; an earlier one stays.
        """
        with new_artifact(path, AUDIO_BACKBONE, card) as draft:
            draft.config = self.config.to_dict()
            (draft.folder / WEIGHTS).write_bytes(to_bytes(self.network))
        return draft.fingerprint

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of an audio backbone."""
        with header.parsing():
            config = AudioBackboneConfig.from_dict(header.config)
        front = config.spectrogram
        return {
            "network": config.network,
            "sound": f"{front.sample_rate} Hz, {front.bins} bands",
            "classes": f"{config.classes}" if config.classes else "none",
        }

    @property
    def fingerprint(self) -> str:
        """That of its folder: what was trained on another backbone's features does not fit this one's."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint_in_memory(AUDIO_BACKBONE, self.config.to_dict(), self.network)
        return self._fingerprint

    @property
    def sample_rate(self) -> int:
        """Of the waveforms that it takes, Hz."""
        return self.config.spectrogram.sample_rate

    @property
    def features(self) -> int:
        """Length of a vector."""
        return self.network.features

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that it scores, in order; none without a classifier."""
        return audioset.vocabulary(self.config.classes).classes if self.config.classes else ()

    @property
    def patch_samples(self) -> int:
        """Samples that one vector is of."""
        return self.config.patch_samples

    @property
    def hop_samples(self) -> int:
        """Samples from one vector to the next."""
        return self.network.hop_frames * self.config.spectrogram.hop_length

    def steps(self, samples: int) -> int:
        """Vectors of a sound of so many samples."""
        return 1 + max(0, -(-(samples - self.patch_samples) // self.hop_samples))

    def embed(self, waveforms: np.ndarray) -> Float[np.ndarray, "n steps features"]:
        """The vectors of sounds; vector i is of `patch_samples` samples from sample i * `hop_samples` on.

        Args:
            waveforms: float32 [n, samples], mono in [-1, 1] at `sample_rate`.

        Returns:
            float32; for YAMNet at least 0.

        Raises:
            ConfigError: the waveforms have another shape.
        """
        waveforms = np.asarray(waveforms, np.float32)
        if waveforms.ndim != 2:
            raise ConfigError("waveforms", f"must have the shape [n, samples], got {list(waveforms.shape)}")
        vectors = batched(self._embed_jit, self._patches(waveforms), size=BATCH)
        return vectors.reshape(len(waveforms), self.steps(waveforms.shape[1]), self.features)

    def class_scores(self, waveforms: np.ndarray) -> Float[np.ndarray, "n steps classes"]:
        """The probability of each class in each stretch of sounds, in [0, 1]; several may be heard at once.

        Args:
            waveforms: as for `embed`.

        Raises:
            ConfigError: the waveforms have another shape, or the backbone has no classifier.
        """
        return self.scores(self.embed(waveforms))

    def scores(self, vectors: Float[np.ndarray, "*batch features"]) -> Float[np.ndarray, "*batch classes"]:
        """The probability of each class by vectors of `embed`, in [0, 1].

        Raises:
            ConfigError: the backbone has no classifier.
        """
        # The sigmoid; written with exp it would overflow for logits far below zero.
        return 0.5 + 0.5 * np.tanh(np.asarray(self.network.classify(jax.numpy.asarray(vectors))) / 2)

    def _patches(self, waveforms: np.ndarray) -> np.ndarray:
        steps = self.steps(waveforms.shape[1])
        missing = (steps - 1) * self.hop_samples + self.patch_samples - waveforms.shape[1]
        padded = np.pad(waveforms, [(0, 0), (0, missing)])
        views = np.lib.stride_tricks.sliding_window_view(padded, self.patch_samples, axis=1)[:, :: self.hop_samples]
        return views.reshape(-1, self.patch_samples)

    @cached_property
    def _embed_jit(self):
        return partial(_embed, self.config.spectrogram, *nnx.split(self.network))


# One program for all backbones of an architecture.
@partial(jax.jit, static_argnums=(0, 1))
def _embed(front: SpectrogramConfig, graph: nnx.GraphDef, state: nnx.State, waveforms: Array) -> Array:
    return nnx.merge(graph, state).embed(log_spectrogram(waveforms, front))
