"""What all image backbones are to those who use them, and the registry of them.

An image backbone is a module from images in [0, 1] to a grid of features. A new one is a file with such a module, a
preset of `BackboneConfig`, a line here, and a test that every layer agrees with the published network.
"""

import functools
from importlib import import_module

from flax import nnx
from jaxtyping import Array, Float

from avnet.backbones.config import BackboneConfig, BackboneName
from avnet.nn.abstract import abstract_network

# Name -> module and class, which is imported when such a network is built.
NETWORKS: dict[BackboneName, tuple[str, str]] = {
    "mobilenetv2": ("avnet.backbones.image.mobilenet", "MobileNetV2"),
    "efficientnet-lite0": ("avnet.backbones.image.efficientnet", "EfficientNetLite0"),
    "dinov2": ("avnet.backbones.image.vit", "ViT"),
    "clip": ("avnet.backbones.image.vit", "ViT"),
    "mae": ("avnet.backbones.image.vit", "ViT"),
    "tower": ("avnet.backbones.tower", "Tower"),
}


class ImageNetwork(nnx.Module):
    """A module from images to grids of features; square images have square grids."""

    @classmethod
    def of(cls, config: BackboneConfig, *, rngs: nnx.Rngs) -> "ImageNetwork":
        """The network that a configuration describes, with fresh weights."""
        raise NotImplementedError

    @property
    def features(self) -> int:
        """Channels of a cell."""
        raise NotImplementedError

    def cells(self, size: int) -> int:
        """Rows of the grid of an image of so many rows of pixels; columns likewise."""
        raise NotImplementedError

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch rows columns features"]:
        """The features of each cell of images in [0, 1], or of moments that have more channels."""
        raise NotImplementedError

    def classify(self, grids: Float[Array, "*batch features"]) -> Float[Array, "*batch classes"]:
        """Logits of the classes in each cell, of a network that keeps its classifier.

        The classifier was trained on the mean over an image's cells. It is linear: the mean of the cells' logits is
        what it answers for the image, and a cell's logits are the cell's share of it (class activation maps).

        Reference: Zhou et al., "Learning Deep Features for Discriminative Localization", 2016.
        """
        raise NotImplementedError


def build_network(config: BackboneConfig, *, rngs: nnx.Rngs) -> ImageNetwork:
    """The network that a configuration describes, with fresh weights."""
    module, name = NETWORKS[config.network]
    return getattr(import_module(module), name).of(config, rngs=rngs)


@functools.cache
def abstract(config: BackboneConfig) -> ImageNetwork:
    """The network that a configuration describes, with shapes in place of weights; not to be changed."""
    # Nothing is allocated until the arrays of a file were checked against it.
    return abstract_network(lambda rngs: build_network(config, rngs=rngs))
