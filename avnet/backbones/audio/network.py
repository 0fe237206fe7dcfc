"""What all audio backbones are to those who use them, and the registry of them.

An audio backbone is a module from one patch of a log spectrogram to a grid of features; the mean over the grid is the
patch's vector, where the network has none of its own. A new one is a file with such a module, a preset of
`AudioBackboneConfig`, a line here, and a test that every layer agrees with the published network.
"""

import functools
from importlib import import_module

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from avnet.backbones.audio.config import AudioBackboneConfig, AudioBackboneName
from avnet.errors import ConfigError
from avnet.nn.abstract import abstract_network

# Name -> module and class, which is imported when such a network is built.
AUDIO_NETWORKS: dict[AudioBackboneName, tuple[str, str]] = {
    "yamnet": ("avnet.backbones.audio.yamnet", "YAMNet"),
    "ast": ("avnet.backbones.audio.ast", "AST"),
    "cav-mae": ("avnet.backbones.audio.ast", "AST"),
}


class AudioNetwork(nnx.Module):
    """A module from patches of log spectrograms to grids of features.

    Attributes:
        patch_frames: columns of the spectrogram in a patch.
        hop_frames: columns from one patch to the next.
        classifier: from the vector of a patch to the logits of its classes, or None.
    """

    patch_frames: int
    hop_frames: int
    classifier: nnx.Linear | None

    @classmethod
    def of(cls, config: AudioBackboneConfig, *, rngs: nnx.Rngs) -> "AudioNetwork":
        """The network that a configuration describes, with fresh weights."""
        raise NotImplementedError

    @property
    def features(self) -> int:
        """Channels of a cell, and length of a patch's vector."""
        raise NotImplementedError

    def __call__(
        self, spectrograms: Float[Array, "batch bins frames 1"]
    ) -> Float[Array, "batch rows columns features"]:
        """The features of each cell of one patch; rows are its time, columns its frequency."""
        raise NotImplementedError

    def embed(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch features"]:
        """The vector of each patch: the mean over its grid."""
        return jnp.mean(self(spectrograms), axis=(1, 2))

    def classify(self, vectors: Float[Array, "*batch features"]) -> Float[Array, "*batch classes"]:
        """Logits of the classes, each of which may be heard or not whatever the others are.

        Raises:
            ConfigError: no classifier is kept.
        """
        if self.classifier is None:
            raise ConfigError("classes", "cannot be scored: this backbone has no classifier")
        return self.classifier(vectors)


def build_audio_network(config: AudioBackboneConfig, *, rngs: nnx.Rngs) -> AudioNetwork:
    """The network that a configuration describes, with fresh weights."""
    module, name = AUDIO_NETWORKS[config.network]
    return getattr(import_module(module), name).of(config, rngs=rngs)


@functools.cache
def abstract_audio(config: AudioBackboneConfig) -> AudioNetwork:
    """The network that a configuration describes, with shapes in place of weights; not to be changed."""
    # Nothing is allocated until the arrays of a file were checked against it.
    return abstract_network(lambda rngs: build_audio_network(config, rngs=rngs))
