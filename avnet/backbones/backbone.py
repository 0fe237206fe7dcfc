"""Backbone folders: a network that turns pictures into grids of features.

One with ImageNet weights, or the picture tower of a trained AVE-Net, AVOL-Net or L3-Net. `config.json` and
`weights.safetensors`; plain data, never pickle.
"""

import json
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from avnet.backbones.image.imagenet import IMAGENET_NETWORKS, abstract, name_of
from avnet.backbones.image.inverted_residual import CHANNELS, Trunk
from avnet.backbones.tower import Tower
from avnet.config import ModelConfig
from avnet.correspondence import folder
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.facts import read_facts
from avnet.files.weights import filled, fingerprint, read_arrays, to_bytes
from avnet.files.whole import whole_folder
from avnet.media.image import center_squares
from avnet.nn.batching import batched

FORMAT = "avnet-backbone-1"
CONFIG, WEIGHTS = "config.json", "weights.safetensors"
SMALLEST, LARGEST = 32, 4096
# Larger batches are slower on a CPU: what passes between layers no longer fits its cache.
BATCH = 8
# The name of a tower of this package, which has widths.
TOWER = "tower"


class Backbone:
    """A network in evaluation mode, with batching and preprocessing around it.

    Attributes:
        name: of the network.
        network: its running statistics are used and not moved.
        image_size: side of the square that is seen, pixels.
        fingerprint: SHA-256 of the weights; what was trained on another backbone's features does not fit this one's.
    """

    def __init__(self, network: Trunk | Tower, image_size: int = 224, fingerprint: str = ""):
        """Puts a network into evaluation mode.

        Raises:
            ConfigError: the size is beyond its bounds.
        """
        self.name = TOWER if isinstance(network, Tower) else name_of(network)
        check_config(self.name, image_size)
        self.network, self.image_size, self.fingerprint = network, image_size, fingerprint
        network.eval()

    @property
    def cells(self) -> int:
        """Rows of a grid, and columns."""
        return (self.image_size + 1) // 16 if isinstance(self.network, Tower) else -(-self.image_size // 32)

    @property
    def features(self) -> int:
        """Channels of a cell."""
        return self.network.widths[-1] if isinstance(self.network, Tower) else CHANNELS

    def grids(self, images: Sequence[np.ndarray] | np.ndarray) -> Float[np.ndarray, "n rows columns features"]:
        """The features of each cell of pictures.

        Args:
            images: uint8 RGB [height, width, 3] of any size; the square in the middle is what is seen.

        Returns:
            float32, at least 0; 7x7 cells of 1,280 features for ImageNet networks at the default size.
        """
        return batched(self._grids_jit, center_squares(images, self.image_size), size=BATCH)

    @cached_property
    def _grids_jit(self):
        return partial(_grids, *nnx.split(self.network))


# One program for all backbones of an architecture.
@partial(jax.jit, static_argnums=0)
def _grids(graph: nnx.GraphDef, state: nnx.State, images: Array) -> Array:
    return nnx.merge(graph, state)(images.astype(jnp.float32) / 255.0)


def check_config(name: object, image_size: object) -> None:
    """Refuses what cannot be a backbone.

    Raises:
        ConfigError: there is no such network, or the size is beyond its bounds.
    """
    if name not in (*IMAGENET_NETWORKS, TOWER):
        raise ConfigError("network", f"wants one of {', '.join((*IMAGENET_NETWORKS, TOWER))}, got {name!r}")
    if isinstance(image_size, bool) or not isinstance(image_size, int) or not SMALLEST <= image_size <= LARGEST:
        raise ConfigError("image_size", f"wants a whole number of {SMALLEST} to {LARGEST} pixels, got {image_size!r}")


def write_backbone(path: str | Path, backbone: Backbone) -> str:
    """Writes a backbone folder; it becomes visible only when it is whole.

    Args:
        path: the folder; an earlier one there is replaced.
        backbone: of which `fingerprint` is not read.

    Returns:
        The fingerprint that it has when it is read.

    Raises:
        ModelFolderError: it cannot be written; an earlier one stays.
    """
    weights = to_bytes(backbone.network)
    config = {"format": FORMAT, "network": backbone.name, "image_size": backbone.image_size}
    if isinstance(backbone.network, Tower):
        config["widths"] = list(backbone.network.widths)
    with whole_folder(Path(path), ModelFolderError) as temporary:
        (temporary / WEIGHTS).write_bytes(weights)
        (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
    return fingerprint(weights)


def read_backbone(path: str | Path) -> Backbone:
    """Reads a backbone folder, or the picture tower out of the model folder of an AVE-Net, AVOL-Net or L3-Net.

    Raises:
        ModelFolderError: a file is missing, damaged or does not fit the configuration.
    """
    path = Path(path)
    if (path / folder.WEIGHTS).is_file():
        config, network, _ = folder.read(path)
        try:
            return Backbone(network.vision, config.image_size, fingerprint(to_bytes(network.vision)))
        except ConfigError as error:
            raise ModelFolderError(path, f"has pictures that are too small ({error})") from None
    network, image_size = read_facts(path, CONFIG, FORMAT, "a backbone folder", _described)
    arrays, found = read_arrays(path / WEIGHTS)
    return Backbone(filled(path / WEIGHTS, network, arrays), image_size, found)


def _described(config: dict[str, Any]) -> tuple[Trunk | Tower, int]:
    """The network without its weights, and its image size."""
    check_config(config["network"], config["image_size"])
    if config["network"] == TOWER:
        return _abstract_tower(config["widths"]), config["image_size"]
    return abstract(config["network"]), config["image_size"]


def _abstract_tower(widths: list[int]) -> Tower:
    # The model's configuration knows which widths can be.
    checked = ModelConfig(widths=cast(tuple[int, int, int, int], tuple(widths))).widths
    return nnx.eval_shape(lambda: Tower(3, checked, rngs=nnx.Rngs(0)))
