"""A backbone in use: images in, grids of features out; and its folder."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from avnet.backbones.config import BackboneConfig
from avnet.backbones.network import ImageNetwork, abstract
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.artifact import WEIGHTS, Header, new_artifact, read_header
from avnet.files.kinds import BACKBONE
from avnet.files.weights import Precision, arrays_of, fill_network, fingerprint_in_memory, shapes_of, to_bytes
from avnet.media.image import center_squares
from avnet.nn.batching import batched
from avnet.zoo.reference import locate

# Larger batches are slower on a CPU: what passes between layers no longer fits its cache.
BATCH = 8


class Backbone:
    """A network in evaluation mode, with batching and preprocessing around it.

    Attributes:
        config: what the network is, and the size of its images.
        network: its running statistics are used and not moved.

    Example:
        >>> backbone = avnet.load("backbone")
        >>> grids = backbone.grids([avnet.read_image("dog.jpg")])
        >>> grids.shape[-1] == backbone.features
        True
    """

    def __init__(self, config: BackboneConfig, network: ImageNetwork, fingerprint: str | None = None):
        """Puts a network into evaluation mode."""
        self.config, self.network, self._fingerprint = config, network, fingerprint
        network.eval()

    @classmethod
    def load(cls, path: str | Path) -> "Backbone":
        """Opens a folder that `save` wrote.

        Raises:
            ModelFolderError: it is not a backbone, of an earlier or newer avnet, or damaged.
        """
        header = read_header(locate(path).folder, BACKBONE)
        with header.parsing():
            config = BackboneConfig.from_dict(header.config)
        network = fill_network(header.folder / WEIGHTS, abstract(config), header.arrays())
        return cls(config, network, header.fingerprint)

    @classmethod
    def part_of(cls, header: Header, name: str, features: int | None) -> "Backbone":
        """Opens the backbone within the folder of something that was trained on its features.

        Args:
            header: of that folder.
            name: of the backbone's folder in it, and among what the header requires.
            features: that it must have; None takes any.

        Raises:
            ModelFolderError: it is none, damaged, another than that of the training, or has other features.
        """
        backbone = cls.load(header.folder / name)
        header.check_requirement(name, backbone.fingerprint)
        if features not in (None, backbone.features):
            reason = f"has {backbone.features} features instead of {features}"
            raise ModelFolderError(header.folder / name, reason)
        return backbone

    def save(self, path: str | Path, card: str = "", precision: Precision = "float32") -> str:
        """Writes a folder; it becomes visible only when it is whole.

        Args:
            path: the folder; an earlier one there is replaced.
            card: for people, Markdown.
            precision: in which weights are stored; they are float32 again when it is opened.

        Returns:
            The fingerprint.

        Raises:
            ModelFolderError: it cannot be written, or a weight is beyond float16; an earlier one stays.
        """
        with new_artifact(path, BACKBONE, card) as draft:
            draft.config = self.config.to_dict()
            (draft.folder / WEIGHTS).write_bytes(to_bytes(self.network, precision))
        return draft.fingerprint

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a backbone."""
        with header.parsing():
            config = BackboneConfig.from_dict(header.config)
        classes = {"classes": f"{config.classes:,}"} if config.classes else {}
        vit, sizes = config.vit, {}
        if vit is not None:
            sizes = {"sizes": f"{vit.depth} blocks of {vit.width}, patches of {vit.patch_size} pixels"}
        return {"network": config.network, **sizes, "image": f"{config.image_size} pixels", **classes}

    def without_classifier(self) -> "Backbone":
        """The same grids from fewer weights: no class can be scored."""
        config = replace(self.config, classes=0)
        network, arrays = abstract(config), arrays_of(self.network)
        network = fill_network("the backbone", network, {name: arrays[name] for name in shapes_of(network)})
        return Backbone(config, network)

    @property
    def fingerprint(self) -> str:
        """That of its folder: what was trained on another backbone's features does not fit this one's."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint_in_memory(BACKBONE, self.config.to_dict(), self.network)
        return self._fingerprint

    @property
    def image_size(self) -> int:
        """Side of the square that is seen of an image, pixels."""
        return self.config.image_size

    @property
    def cells(self) -> int:
        """Rows of a grid, and columns."""
        return self.network.cells(self.config.image_size)

    @property
    def features(self) -> int:
        """Channels of a cell."""
        return self.network.features

    def grids(self, images: Sequence[np.ndarray] | np.ndarray) -> Float[np.ndarray, "n rows columns features"]:
        """The features of each cell of images.

        Args:
            images: uint8 RGB [height, width, 3] of any size; the square in the middle is what is seen.

        Returns:
            float32; at the default size 7x7 cells of 1,280 features, at least 0, for ImageNet networks, 16x16 of 384
            for DINOv2's ViT-S/14.
        """
        return batched(self._grids_jit, center_squares(images, self.config.image_size), size=BATCH)

    def class_scores(self, images: Sequence[np.ndarray] | np.ndarray) -> Float[np.ndarray, "n rows columns classes"]:
        """Logits of ImageNet's classes in each cell of images, in the order of `avnet.names.imagenet.CLASSES`.

        Args:
            images: as for `grids`.

        Returns:
            float32; their mean over an image's cells is what the classifier answers for the image.

        Raises:
            ConfigError: the backbone has no classifier.
        """
        if not self.config.classes:
            raise ConfigError("classes", "cannot be scored: this backbone has no classifier")
        return batched(self._class_scores_jit, center_squares(images, self.config.image_size), size=BATCH)

    @cached_property
    def _grids_jit(self):
        return partial(_grids, *nnx.split(self.network))

    @cached_property
    def _class_scores_jit(self):
        return partial(_class_scores, *nnx.split(self.network))


# One program for all backbones of an architecture.
@partial(jax.jit, static_argnums=0)
def _grids(graph: nnx.GraphDef, state: nnx.State, images: Array) -> Array:
    return nnx.merge(graph, state)(images.astype(jnp.float32) / 255.0)


@partial(jax.jit, static_argnums=0)
def _class_scores(graph: nnx.GraphDef, state: nnx.State, images: Array) -> Array:
    network = nnx.merge(graph, state)
    return network.classify(network(images.astype(jnp.float32) / 255.0))
