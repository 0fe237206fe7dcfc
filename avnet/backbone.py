"""Backbone folders: a network with ImageNet weights that turns pictures into grids of features.

`config.json` and `weights.safetensors`; plain data, never pickle.
"""

import json
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from avnet.batches import batched
from avnet.errors import ConfigError, ModelFolderError
from avnet.json_file import read_json
from avnet.media.image import center_squares
from avnet.models.imagenet import IMAGENET_NETWORKS, ImagenetName, abstract, name_of
from avnet.models.inverted_residual import Trunk
from avnet.weights import filled, fingerprint, read_arrays, to_bytes
from avnet.whole import whole_folder

FORMAT = "avnet-backbone-1"
CONFIG, WEIGHTS = "config.json", "weights.safetensors"
SMALLEST, LARGEST = 32, 4096
# Larger batches are slower on a CPU: what passes between layers no longer fits its cache.
BATCH = 8
CHANNELS = 1280


class Backbone:
    """A network in evaluation mode, with batching and preprocessing around it.

    Attributes:
        name: of the network.
        network: its running statistics are used and not moved.
        image_size: side of the square that is seen, pixels.
        fingerprint: SHA-256 of the weights; what was trained on another backbone's features does not fit this one's.
    """

    def __init__(self, network: Trunk, image_size: int = 224, fingerprint: str = ""):
        """Puts a network into evaluation mode.

        Raises:
            ConfigError: the size is beyond its bounds.
        """
        self.name = name_of(network)
        check_config(self.name, image_size)
        self.network, self.image_size, self.fingerprint = network, image_size, fingerprint
        network.eval()

    @property
    def cells(self) -> int:
        """Rows of a grid, and columns."""
        return -(-self.image_size // 32)

    @property
    def features(self) -> int:
        """Channels of a cell."""
        return CHANNELS

    def grids(self, images: Sequence[np.ndarray] | np.ndarray) -> Float[np.ndarray, "n rows columns 1280"]:
        """The features of each cell of pictures.

        Args:
            images: uint8 RGB [height, width, 3] of any size; the square in the middle is what is seen.

        Returns:
            float32 in [0, 6]; 7x7 cells for the default size.
        """
        return batched(self._grids_jit, center_squares(images, self.image_size), size=BATCH)

    @cached_property
    def _grids_jit(self):
        return partial(_grids, *nnx.split(self.network))


# One program for all backbones of an architecture.
@partial(jax.jit, static_argnums=0)
def _grids(graph: nnx.GraphDef, state: nnx.State, images: Array) -> Array:
    return nnx.merge(graph, state)(images.astype(jnp.float32) / 255.0)


def pool(grids: Float[np.ndarray, "n rows columns channels"]) -> Float[np.ndarray, "n channels"]:
    """One vector for each picture: the mean over its cells, which is what the classifiers were trained on."""
    return grids.mean(axis=(1, 2))


def check_config(name: object, image_size: object) -> None:
    """Refuses what cannot be a backbone.

    Raises:
        ConfigError: there is no such network, or the size is beyond its bounds.
    """
    if name not in IMAGENET_NETWORKS:
        raise ConfigError("network", f"wants one of {', '.join(IMAGENET_NETWORKS)}, got {name!r}")
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
    with whole_folder(Path(path), ModelFolderError) as temporary:
        (temporary / WEIGHTS).write_bytes(weights)
        (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
    return fingerprint(weights)


def read_backbone(path: str | Path) -> Backbone:
    """Reads a backbone folder.

    Raises:
        ModelFolderError: a file is missing, damaged or does not fit the configuration.
    """
    path = Path(path)
    name, image_size = _read_config(path)
    arrays, found = read_arrays(path / WEIGHTS)
    return Backbone(filled(path / WEIGHTS, abstract(name), arrays), image_size, found)


def _read_config(path: Path) -> tuple[ImagenetName, int]:
    try:
        config = read_json(path / CONFIG)
        if config["format"] != FORMAT:
            raise ValueError(f"{CONFIG} is not of {FORMAT}")
        check_config(config["network"], config["image_size"])
        return config["network"], config["image_size"]
    except OSError as error:
        raise ModelFolderError(path, f"is not a backbone folder ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, ConfigError) as error:
        raise ModelFolderError(path, f"is not a backbone folder, or damaged ({error})") from None
