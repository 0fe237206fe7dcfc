"""The shared space of images and spoken descriptions.

An image comes as its grid of features (from a frozen image tower), speech as a log-mel spectrogram of any length.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.audio.mfcc import FRONT
from avnet.audio.pcm import EXACT, from_pcm
from avnet.audio.spectrogram import log_spectrogram
from avnet.backbones.tower import Projection
from avnet.config import Plain, check_numbers
from avnet.errors import ConfigError
from avnet.nn.numerics import l2_normalize
from avnet.speech_space.tower import SpeechFeatures, SpeechTower, SpeechTowerConfig, masked_mean

# Frames of 10 ms by which spectrograms are padded, so that few lengths are compiled.
BLOCK = 128


@dataclass(frozen=True)
class SpaceConfig(Plain):
    """Sizes of the space.

    Attributes:
        image_features: channels of the image tower's grid.
        embedding_size: of the shared embedding.
        limit_s: longer recordings are heard up to here.
        dropout: of the image's pooled features in training.
        tower: of speech.
    """

    DESCRIBES: ClassVar[str] = "a space of speech"

    image_features: int = 1280
    embedding_size: int = 512
    limit_s: float = 8.0
    dropout: float = 0.2
    tower: SpeechTowerConfig = field(default_factory=SpeechTowerConfig.small)

    def __post_init__(self):
        check_numbers(self)
        if self.image_features < 1 or self.embedding_size < 1:
            raise ConfigError(
                "image_features, embedding_size",
                f"must be at least 1, got {self.image_features} and {self.embedding_size}",
            )
        if not 0.5 <= self.limit_s <= 60:
            raise ConfigError("limit_s", f"must be from 0.5 to 60 seconds, got {self.limit_s}")
        if not 0 <= self.dropout < 1:
            raise ConfigError("dropout", f"must be at least 0 and below 1, got {self.dropout}")
        if self.tower.bands != FRONT.bins:
            raise ConfigError("bands", f"must be the {FRONT.bins} of the front end, got {self.tower.bands}")

    @classmethod
    def _of_json(cls, values: dict[str, Any]) -> dict[str, Any]:
        tower = dict(values.pop("tower"))
        # Written before there could be several quantizers; a space without one is the same now.
        if tower.pop("quantized_stage", 0):
            raise ConfigError("quantized_stage", "is of an earlier avnet; train the space again")
        lists = {name: tuple(tower[name]) for name in ("widths", "quantized_stages") if name in tower}
        return {**values, "tower": SpeechTowerConfig(**{**tower, **lists})}


class SpaceNetwork(nnx.Module):
    """Two heads into one space: of the pooled grid of an image, and of the pooled steps of the speech tower.

    Reference: Harwath et al., "Unsupervised Learning of Spoken Language with Visual Context", 2016, section 3; the
        masked pooling of a fully convolutional tower as in their ResDAVEnet, 2020.
    """

    def __init__(self, config: SpaceConfig, *, rngs: nnx.Rngs):
        self.config = config
        self.tower = SpeechTower(config.tower, rngs=rngs)
        self.dropout = nnx.Dropout(config.dropout)
        self.image_projection = Projection(config.image_features, config.embedding_size, rngs=rngs)
        self.speech_projection = Projection(config.tower.widths[-1], config.embedding_size, rngs=rngs)
        # The temperature and its bound as in CLIP (Radford et al., 2021, section 2.5).
        self.log_scale = nnx.Param(jnp.log(jnp.array(1 / 0.07)))

    def embed_grids(
        self, grids: Float[Array, "batch rows columns features"], rngs: nnx.Rngs | None = None
    ) -> Float[Array, "batch embedding"]:
        """Unit embeddings of images.

        Args:
            grids: of an image tower.
            rngs: of dropout, in training.
        """
        pooled = self.dropout(grids.mean(axis=(1, 2)), rngs=rngs)
        return l2_normalize(self.image_projection(pooled))

    def embed_speech(
        self, log_mel: Float[Array, "batch frames bands"], frames: Int[Array, "batch"]
    ) -> tuple[Float[Array, "batch embedding"], SpeechFeatures]:
        """Unit embeddings of recordings, and what the tower made of them."""
        speech = self.tower(log_mel, frames)
        return l2_normalize(self.speech_projection(masked_mean(speech.features, speech.steps))), speech

    def score_matrix(
        self, images: Float[Array, "n embedding"], speech: Float[Array, "m embedding"]
    ) -> Float[Array, "n m"]:
        """Cosines times a learned scale, for the contrastive loss."""
        return jnp.exp(jnp.minimum(self.log_scale[...], jnp.log(100.0))) * images @ speech.T


def frames_of(samples: int, limit_s: float) -> int:
    """Frames that are heard of a recording, at least 1."""
    return max(1, min(FRONT.frames(samples), round(limit_s * FRONT.sample_rate / FRONT.hop_length)))


def log_mel(pcm: Array) -> Float[Array, "batch frames bands"]:
    """Spectrograms of int16 samples."""
    return log_spectrogram(from_pcm(pcm, EXACT), FRONT)[..., 0].swapaxes(1, 2)


def padded_pcm(parts: list[np.ndarray], limit_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Recordings of one batch at one length, a whole number of blocks.

    Args:
        parts: int16 each.
        limit_s: what lies after is left out.

    Returns:
        int16 [batch, samples] and the frames of each, int32 [batch].
    """
    frames = np.array([frames_of(len(part), limit_s) for part in parts], np.int32)
    longest = -(-int(frames.max()) // BLOCK) * BLOCK
    # As many samples as make `longest` whole windows, and no more.
    samples = np.zeros((len(parts), (longest - 1) * FRONT.hop_length + FRONT.win_length), np.int16)
    for row, part in zip(samples, parts, strict=True):
        row[: len(part)] = part[: len(row)]
    return samples, frames
