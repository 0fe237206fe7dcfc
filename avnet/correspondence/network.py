"""The networks: arrays in, arrays out. Channels last; convolutions SAME, each followed by batch norm and ReLU."""

from importlib import import_module
from typing import Protocol, runtime_checkable

from flax import nnx
from jaxtyping import Array

from avnet.backbones.network import ImageNetwork
from avnet.correspondence.ave import AVENet
from avnet.correspondence.avol import AVOLNet
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.joint import JointNet
from avnet.correspondence.l3 import L3Net
from avnet.correspondence.zero_shot import ZeroShotNet

# Those with layers above their towers.
LearnedNetwork = AVENet | AVOLNet | L3Net | JointNet
Network = LearnedNetwork | ZeroShotNet


@runtime_checkable
class Localizer(Protocol):
    """A network of a kind with heatmaps.

    Attributes:
        vision: the image tower, from images in [0, 1] to grids of features.
    """

    vision: ImageNetwork

    def encode_cells(self, images: Array) -> Array:
        """What `response` takes of images in [0, 1], [batch, rows, columns, parts]."""
        ...

    def project_cells(self, grids: Array) -> Array:
        """What `response` takes of images whose grids the tower gave, [batch, rows, columns, parts]."""
        ...

    def encode_sources(self, spectrograms: Array) -> Array:
        """What `response` takes of log spectrograms, [batch, parts]."""
        ...

    def response(self, grids: Array, sounds: Array) -> Array:
        """Log-odds that each cell of image i makes sound i, [batch, rows, columns]."""
        ...


@runtime_checkable
class NamedLocalizer(Localizer, Protocol):
    """A network that knows groups of classes by name, and has a heatmap of each."""

    def group_response(self, grids: Array, sounds: Array) -> Array:
        """Log-odds that each cell of image i makes what of sound i is of each group, [batch, rows, columns, groups]."""
        ...

    def source_groups(self, sounds: Array) -> Array:
        """The probability of each group in each sound, [batch, groups]."""
        ...

    def visible_groups(self, images: Array) -> Array:
        """The probability of each group in images in [0, 1], [batch, groups]."""
        ...


def build(config: ModelConfig, *, rngs: nnx.Rngs) -> Network:
    """The network that a configuration describes, with fresh weights."""
    kind = config.kind
    return getattr(import_module(kind.module), kind.class_name)(config, rngs=rngs)


__all__ = [
    "AVENet",
    "AVOLNet",
    "JointNet",
    "L3Net",
    "LearnedNetwork",
    "Localizer",
    "NamedLocalizer",
    "Network",
    "ZeroShotNet",
    "build",
]
