"""The networks: arrays in, arrays out. Channels last; convolutions SAME, each followed by batch norm and ReLU."""

from importlib import import_module
from typing import Protocol

from flax import nnx
from jaxtyping import Array

from avnet.correspondence.ave import AVENet
from avnet.correspondence.avol import AVOLNet
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.l3 import L3Net
from avnet.correspondence.zero_shot import ZeroShotNet

# Those with layers above their towers.
LearnedNetwork = AVENet | AVOLNet | L3Net
Network = LearnedNetwork | ZeroShotNet


class Localizer(Protocol):
    """A network of a kind with heatmaps."""

    def response(self, grids: Array, sounds: Array) -> Array:
        """Log-odds that each cell of image i makes sound i, [batch, rows, columns]."""
        ...


def build(config: ModelConfig, *, rngs: nnx.Rngs) -> Network:
    """The network that a configuration describes, with fresh weights."""
    kind = config.kind
    return getattr(import_module(kind.module), kind.class_name)(config, rngs=rngs)


__all__ = ["AVENet", "AVOLNet", "L3Net", "LearnedNetwork", "Localizer", "Network", "ZeroShotNet", "build"]
