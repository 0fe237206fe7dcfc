"""What networks of correspondence share: two towers, of the papers or others, and scores by the best cell."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.backbones.audio.network import AudioNetwork, build_audio_network
from avnet.backbones.network import ImageNetwork, build_network
from avnet.backbones.tower import Projection, Tower
from avnet.backbones.video import FlowTower, FramesTower, mean_over_frames
from avnet.correspondence.config import ModelConfig
from avnet.moments.moment import IMAGE
from avnet.nn.numerics import best_cell


class TwoTowers(nnx.Module):
    """What all networks of correspondence begin with: a grid of features of each image, a vector of each sound.

    Attributes:
        config: sizes.
        vision, audio: the towers.
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        self.config = config
        self.vision = _vision(config, rngs)
        self.audio: Tower | AudioNetwork = (
            Tower(1, config.widths, rngs=rngs) if config.audio is None else build_audio_network(config.audio, rngs=rngs)
        )

    def train(self, **attributes: Any) -> None:
        """Training mode; backbones stay in evaluation mode.

        A batch of a small corpus would replace their statistics, which are of millions of images and sounds.
        """
        super().train(**attributes)
        if self.config.vision is not None:
            self.vision.eval()
        if self.config.audio is not None:
            self.audio.eval()

    def image_grids(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch rows columns features"]:
        """The grid of features of each image in [0, 1], or of each moment that the network sees.

        A backbone, which was trained on images, sees the frames of a moment one by one; an image alone is one in which
        nothing moves.
        """
        if not self.config.pools_frames or images.shape[-1] == IMAGE.channels:
            return self.vision(images)
        return mean_over_frames(self.vision, images, self.config.frames)

    def pool_cells(self, grids: Float[Array, "batch rows columns features"]) -> Float[Array, "batch features"]:
        """One vector of a grid: of the papers' tower the largest value of each feature, else their mean.

        A classifier's last features are made to be averaged; their largest values are those of single odd cells.
        """
        return best_cell(grids) if self.config.vision is None else grids.mean(axis=(1, 2))

    def sound_features(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch features"]:
        """One vector of each log spectrogram, before any projection."""
        if not isinstance(self.audio, AudioNetwork):
            return best_cell(self.audio(spectrograms))
        return self.patch_features(spectrograms).mean(axis=1)

    def sound_classes(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch classes"]:
        """The probability of each class in each log spectrogram, of an audio backbone that keeps its classifier."""
        return self.patch_classes(self.patch_features(spectrograms))

    def patch_classes(self, patches: Float[Array, "batch patches features"]) -> Float[Array, "batch classes"]:
        """The probability of each class in sounds whose patches have these vectors."""
        # What is audible at any moment of the clip is audible in it.
        return jax.nn.sigmoid(self.audio_logits(patches).max(axis=1))

    def audio_logits(self, vectors: Float[Array, "*batch features"]) -> Float[Array, "*batch classes"]:
        """Logits of the classes of sounds, of an audio backbone that keeps its classifier."""
        assert isinstance(self.audio, AudioNetwork)
        return self.audio.classify(vectors)

    def patch_features(
        self, spectrograms: Float[Array, "batch bins frames 1"]
    ) -> Float[Array, "batch patches features"]:
        """The vector of each patch of log spectrograms, of an audio backbone."""
        assert isinstance(self.audio, AudioNetwork)
        batch, bins, frames, _ = spectrograms.shape
        length = self.audio.patch_frames
        starts = self.patch_starts(frames)
        patches = jnp.stack([spectrograms[:, :, start : start + length] for start in starts], axis=1)
        vectors = self.audio.embed(patches.reshape(batch * len(starts), bins, length, 1))
        return vectors.reshape(batch, len(starts), -1)

    def patch_starts(self, frames: int) -> Int[np.ndarray, "patches"]:
        """The first frames of as many patches as lie in a spectrogram of so many frames, in its middle."""
        assert isinstance(self.audio, AudioNetwork)
        starts = np.arange(0, frames - self.audio.patch_frames + 1, self.audio.hop_frames)
        return starts + (frames - self.audio.patch_frames - starts[-1]) // 2


def _vision(config: ModelConfig, rngs: nnx.Rngs) -> ImageNetwork:
    """The tower for all that is seen of a moment; a backbone, for each of its frames."""
    if config.vision is not None:
        return build_network(config.vision, rngs=rngs)
    if config.flow_fields:
        return FlowTower(config.flow_fields, config.widths, rngs=rngs)
    if config.frames > 1:
        return FramesTower(config.frames, config.widths, rngs=rngs)
    return Tower(3, config.widths, rngs=rngs)


class ProjectedTowers(TwoTowers):
    """Two towers with layers from each into one space.

    Attributes:
        vision_projection, audio_projection: those layers.
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        super().__init__(config, rngs=rngs)
        size = config.embedding_size
        self.vision_projection = Projection(self.vision.features, size, normalize=config.vision is not None, rngs=rngs)
        self.audio_projection = Projection(self.audio.features, size, normalize=config.audio is not None, rngs=rngs)


class BestCell(nnx.Module):
    """A network that scores an image by its best cell; it has one vector for each cell and none for the image.

    Attributes:
        scale, shift: of the log-odds.
    """

    scale: nnx.Param
    shift: nnx.Param

    def image_grids(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch rows columns tower_features"]:
        """As of `TwoTowers`."""
        raise NotImplementedError

    def encode_images(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch rows columns features"]:
        """The grid of cell vectors of images in [0, 1]."""
        return self.project_images(self.image_grids(images))

    def project_images(
        self, grids: Float[Array, "batch rows columns tower_features"]
    ) -> Float[Array, "batch rows columns features"]:
        """Cell vectors of images whose features the tower gave."""
        raise NotImplementedError

    def encode_sounds(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch features"]:
        """One vector for each log spectrogram."""
        raise NotImplementedError

    def response(
        self, grids: Float[Array, "batch rows columns features"], sounds: Float[Array, "batch features"]
    ) -> Float[Array, "batch rows columns"]:
        """Log-odds that each cell of image i makes sound i; its sigmoid is the heatmap."""
        raise NotImplementedError

    def encode_cells(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch rows columns features"]:
        """What `response` takes of images."""
        return self.encode_images(images)

    def project_cells(
        self, grids: Float[Array, "batch rows columns tower_features"]
    ) -> Float[Array, "batch rows columns features"]:
        """What `response` takes of images whose features the tower gave."""
        return self.project_images(grids)

    def encode_sources(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch features"]:
        """What `response` takes of sounds."""
        return self.encode_sounds(spectrograms)

    def score(
        self, grids: Float[Array, "batch rows columns features"], sounds: Float[Array, "batch features"]
    ) -> Float[Array, "batch"]:
        """Log-odds that anything in image i makes sound i: the best cell's."""
        return best_cell(self.response(grids, sounds))

    def rescale(self, slope: float, shift: float) -> None:
        """Replaces the log-odds s by slope * s + shift."""
        self.scale[...] = self.scale[...] * slope
        self.shift[...] = self.shift[...] * slope + shift

    def __call__(
        self, images: Float[Array, "batch height width channels"], spectrograms: Float[Array, "batch bins frames 1"]
    ) -> Float[Array, "batch rows columns"]:
        """Log-odds for each cell of image i with sound i."""
        return self.response(self.encode_images(images), self.encode_sounds(spectrograms))
