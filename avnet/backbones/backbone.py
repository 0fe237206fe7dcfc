"""Backbones: a network that turns pictures into grids of features.

One with ImageNet weights, or the picture tower of a trained AVE-Net, AVOL-Net or L3-Net.
"""

from collections.abc import Mapping, Sequence
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
from avnet.correspondence.config import ModelConfig
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.artifact import WEIGHTS, Header, new_artifact, read_header
from avnet.files.kinds import BACKBONE, MODEL
from avnet.files.weights import filled, fingerprint_in_memory, to_bytes
from avnet.media.image import center_squares
from avnet.nn.batching import batched

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

    Example:
        >>> backbone = avnet.load("backbone")
        >>> grids = backbone.grids([avnet.read_image("dog.jpg")])
        >>> grids.shape[-1] == backbone.features
        True
    """

    def __init__(self, network: Trunk | Tower, image_size: int = 224, fingerprint: str | None = None):
        """Puts a network into evaluation mode.

        Raises:
            ConfigError: the size is beyond its bounds.
        """
        self.name = TOWER if isinstance(network, Tower) else name_of(network)
        check_config(self.name, image_size)
        self.network, self.image_size, self._fingerprint = network, image_size, fingerprint
        network.eval()

    @classmethod
    def load(cls, path: str | Path) -> "Backbone":
        """Opens a folder that `save` wrote, or the picture tower of a model.

        Raises:
            ModelFolderError: it is neither, of an earlier or newer avnet, or damaged.
        """
        header = read_header(path, BACKBONE, MODEL)
        return cls._read(header) if header.kind is BACKBONE else cls._of_model(header.folder)

    @classmethod
    def _read(cls, header: Header) -> "Backbone":
        with header.checked():
            network, image_size = _described(header.config)
        return cls(filled(header.folder / WEIGHTS, network, header.arrays()), image_size, header.fingerprint)

    @classmethod
    def _of_model(cls, folder: Path) -> "Backbone":
        from avnet.correspondence.model import Model  # here: few backbones come from one

        model = Model.load(folder)
        try:
            return cls(model.network.vision, model.config.image_size)
        except ConfigError as error:
            raise ModelFolderError(folder, f"has pictures that are too small ({error})") from None

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
        with new_artifact(path, BACKBONE, card) as draft:
            draft.config = self._config
            (draft.folder / WEIGHTS).write_bytes(to_bytes(self.network))
        return draft.fingerprint

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a backbone."""
        with header.checked():
            network, size = header.config["network"], header.config["image_size"]
        return {"network": str(network), "image": f"{size} pixels"}

    @property
    def fingerprint(self) -> str:
        """That of its folder: what was trained on another backbone's features does not fit this one's."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint_in_memory(BACKBONE, self._config, self.network)
        return self._fingerprint

    @property
    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = {"network": self.name, "image_size": self.image_size}
        return {**config, "widths": list(self.network.widths)} if isinstance(self.network, Tower) else config

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
        raise ConfigError("network", f"must be one of {', '.join((*IMAGENET_NETWORKS, TOWER))}, got {name!r}")
    if isinstance(image_size, bool) or not isinstance(image_size, int) or not SMALLEST <= image_size <= LARGEST:
        raise ConfigError(
            "image_size", f"must be a whole number from {SMALLEST} to {LARGEST} pixels, got {image_size!r}"
        )


def _described(config: Mapping[str, Any]) -> tuple[Trunk | Tower, int]:
    """The network without its weights, and its image size."""
    check_config(config["network"], config["image_size"])
    if config["network"] == TOWER:
        return _abstract_tower(config["widths"]), config["image_size"]
    return abstract(config["network"]), config["image_size"]


def _abstract_tower(widths: list[int]) -> Tower:
    # The model's configuration knows which widths can be.
    checked = ModelConfig(widths=cast(tuple[int, int, int, int], tuple(widths))).widths
    return nnx.eval_shape(lambda: Tower(3, checked, rngs=nnx.Rngs(0)))
