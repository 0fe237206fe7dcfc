"""A trained network in use: images and sounds in, embeddings, probabilities and heatmaps out."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from avnet.audio.spectrogram import log_spectrogram
from avnet.backbones.backbone import Backbone
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.heatmaps.by_class import AUDIBLE, ClassHeatmaps
from avnet.correspondence.heatmaps.cells import class_heatmaps_of, encode_cells, heatmaps_of
from avnet.correspondence.heatmaps.refinement import Refinement, combine
from avnet.correspondence.kinds import models_that
from avnet.correspondence.naming import names_of_images, names_of_sounds
from avnet.correspondence.network import NamedLocalizer, Network, build
from avnet.errors import ConfigError
from avnet.files.artifact import WEIGHTS, Header, new_artifact, read_header
from avnet.files.kinds import MODEL
from avnet.files.weights import Precision, fill_network, fingerprint_in_memory, to_bytes
from avnet.media.image import center_squares, resize_short_side
from avnet.moments.moment import IMAGE
from avnet.names.groups import GROUPS
from avnet.nn.abstract import abstract_network
from avnet.nn.batching import batched
from avnet.nn.numerics import sigmoid
from avnet.zoo.reference import locate

# Wider images are squeezed for a heatmap: a 20:1 strip would need 20 times the memory.
MAX_ASPECT = 3.0
DEFAULT = Refinement()
Images = Sequence[np.ndarray] | np.ndarray


class Model:
    """A network in evaluation mode, with batching and preprocessing around it.

    Images are uint8 RGB [height, width, 3] of any size; a model that sees more of a moment than an image takes its
    moments too, [height, width, channels] as in `avnet.moments.moment`, and an image as one in which nothing moves.
    Waveforms are float32 [n, samples] mono in [-1, 1] at `config.spectrogram.sample_rate`; exactly
    `config.clip_samples` samples.

    Attributes:
        config: what the network is.
        batch_size: most examples that are computed at once; more are divided into equal batches.

    Example:
        >>> model = avnet.load("runs/ave/model")
        >>> image = avnet.read_image("dog.jpg")
        >>> clip = avnet.read_waveform("bark.wav").cut(mid_s=0.5, clip_s=model.config.clip_s)
        >>> model.embed_images([image]).shape
        (1, 128)
        >>> probability = model.correspondence([image], clip[None])[0]
        >>> bool(0 <= probability <= 1)
        True
    """

    def __init__(
        self, config: ModelConfig, network: Network, fingerprint: str | None = None, batch_size: int | None = None
    ):
        self.config = config
        self._fingerprint = fingerprint
        # A CPU gains nothing from more.
        self.batch_size = batch_size or (16 if jax.default_backend() == "cpu" else 64)
        network.eval()
        self._graph, self._state = nnx.split(network)

    @classmethod
    def load(cls, path: str | Path) -> "Model":
        """Opens a folder that `save` wrote, or the model of a name or an address on the Hub (`avnet.load`).

        Raises:
            ModelFolderError: it is not a model, of an earlier or newer avnet, or damaged.
        """
        header = read_header(locate(path).folder, MODEL)
        with header.parsing():
            config = ModelConfig.from_dict(header.config)
        network = abstract_network(lambda rngs: build(config, rngs=rngs))
        return cls(config, fill_network(header.folder / WEIGHTS, network, header.arrays()), header.fingerprint)

    def save(self, path: str | Path, card: str = "", precision: Precision = "float32") -> str:
        """Writes a folder; it becomes visible only when it is whole.

        Args:
            path: the folder; an earlier one there is replaced.
            card: the model card, Markdown: data, metrics and limits.
            precision: in which weights are stored; they are float32 again when it is opened.

        Returns:
            The fingerprint.

        Raises:
            ModelFolderError: it cannot be written; an earlier one stays.
        """
        network = self.network
        with new_artifact(path, MODEL, card) as draft:
            draft.config = self.config.to_dict()
            draft.facts = {"parameters": sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))}
            (draft.folder / WEIGHTS).write_bytes(to_bytes(network, precision))
        self._fingerprint = draft.fingerprint
        return draft.fingerprint

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a model."""
        with header.parsing():
            config = ModelConfig.from_dict(header.config)
            front, parameters = config.spectrogram, f"{header.facts['parameters']:,}"
        bands = f"{front.n_mels} mel bands" if front.n_mels else f"{front.bins} linear bins"
        return {
            "network": config.title,
            "image": f"{config.image_size} pixels{config.moment.beside_image}",
            "sound": f"{config.clip_s:g} s at {front.sample_rate} Hz, {bands}",
            "towers": config.towers,
            "embedding": f"{config.features} numbers",
            "parameters": parameters,
        }

    @property
    def fingerprint(self) -> str:
        """That of its folder, whether it was saved or not; indexes refuse another model's."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint_in_memory(MODEL, self.config.to_dict(), self.network)
        return self._fingerprint

    @property
    def network(self) -> Network:
        """The network, for evaluation."""
        return self._merge(self._state)

    @property
    def image_backbone(self) -> Backbone:
        """Its image tower as a backbone of its own.

        Raises:
            ConfigError: its images are smaller than those of a backbone, or it sees more than an image at once.
        """
        if self.config.vision is None and not self.config.moment.is_image:
            raise ConfigError(self.config.title, "sees more of a moment than an image, which a backbone does not")
        config = self.config.vision or BackboneConfig.tower(self.config.image_size, self.config.widths)
        return Backbone(config, self.network.vision)

    def embed_images(self, images: Images) -> np.ndarray:
        """Embeddings of images: float32 [n, features]; unit length for AVE-Net, pooled features for L3-Net.

        The square in the middle is what is seen.

        Raises:
            ConfigError: the network has one vector for each cell, not one for the image.
        """
        self._refuse_cells()
        return self._encode_images(images)

    def embed_waveforms(self, waveforms: np.ndarray) -> np.ndarray:
        """Embeddings of sounds: float32 [n, features].

        Raises:
            ConfigError: the waveforms have another length than the model's clip.
        """
        return self._batched(self._encode_sounds_jit, self._check_waveforms(waveforms))

    def correspondence(self, images: Images, waveforms: np.ndarray) -> np.ndarray:
        """Probability in [0, 1] that image i and sound i belong together: float32 [n].

        Raises:
            ConfigError: there are not as many images as sounds, or the sounds have another length.
        """
        _check_counts(images, waveforms)
        features = self._encode_images(images)
        return sigmoid(self._batched(self._score_jit, features, self.embed_waveforms(waveforms)))

    def correspondence_matrix(self, images: Images, waveforms: np.ndarray) -> np.ndarray:
        """Probability that image i and sound j belong together: float32 [n images, m sounds]."""
        return sigmoid(self.log_odds_matrix(images, waveforms))

    def log_odds_matrix(self, images: Images, waveforms: np.ndarray) -> np.ndarray:
        """Log-odds that image i and sound j belong together: float32 [n images, m sounds].

        They rank pairs where the probabilities would all be 1.
        """
        features = self._encode_images(images)
        # On the device once, not once for each batch of images.
        sounds = jnp.asarray(self.embed_waveforms(waveforms))
        return self._batched(lambda part: self._matrix_jit(part, sounds), features)

    def match_probabilities(self, cosines: np.ndarray) -> np.ndarray:
        """Probability that an image and a sound belong together, from the cosine of their embeddings: float32 [n].

        Args:
            cosines: float [n] in [-1, 1]; the answer of AVE-Net depends on the distance of the two alone.

        Raises:
            ConfigError: the network does not compare embeddings by their distance.
        """
        if not self.config.kind.aligned:
            takers = models_that(lambda kind: kind.aligned)
            raise ConfigError(self.config.network, f"does not compare embeddings by their distance; take {takers}")
        # |a - b|^2 = 2 - 2 a b for unit vectors. A distance against zero goes through the head as it is.
        distances = np.sqrt(np.maximum(2.0 - 2.0 * np.asarray(cosines, np.float32), 0.0))[:, None]
        return sigmoid(self._batched(self._score_jit, distances, np.zeros_like(distances)))

    def heatmaps(self, images: Images, waveforms: np.ndarray, refinement: Refinement = DEFAULT) -> list[np.ndarray]:
        """Where in image i sound i comes from: float32 [rows, columns] each, absolute in [0, 1].

        The whole image is seen, its short side at `config.image_size`; one image's map is independent of the
        others.

        Args:
            images: uint8 RGB [height, width, 3] of any size.
            waveforms: float32 [n, samples] of the model's clip.
            refinement: the sizes at which images are seen, and what else finer heatmaps are made of. Networks made of
                classifiers, whose plain maps are coarse, see them at twice the size too where nothing is said.

        Raises:
            ConfigError: the network has no heatmaps; there are not as many images as sounds, the sounds have another
                length, or the image network cannot take a size.
        """
        _check_counts(images, waveforms)
        if not self.config.kind.heatmaps:
            takers = models_that(lambda kind: kind.heatmaps)
            raise ConfigError(self.config.network, f"has no heatmap; localization takes {takers}")
        sounds = self._batched(self._encode_sources_jit, self._check_waveforms(waveforms))
        return [maps[..., 0] for maps in self._refined(images, sounds, self._heatmap_jit, refinement)]

    def class_heatmaps(
        self, images: Images, waveforms: np.ndarray, refinement: Refinement = DEFAULT
    ) -> list[ClassHeatmaps]:
        """Where in image i sound i comes from, as `heatmaps`, and where each thing that is audible in it is.

        A thing is a group of classes of `avnet.names.groups`. Images are encoded once for all. Arguments as for
        `heatmaps`.

        Raises:
            ConfigError: the network has no names; else as `heatmaps`.
        """
        _check_counts(images, waveforms)
        if not self.config.kind.named:
            takers = models_that(lambda kind: kind.named)
            raise ConfigError(self.config.network, f"has no names for what sounds; heatmaps by class take {takers}")
        sounds = self._batched(self._encode_sources_jit, self._check_waveforms(waveforms))
        groups = np.asarray(cast(NamedLocalizer, self.network).source_groups(jnp.asarray(sounds)))
        audible = [[int(i) for i in np.argsort(-row, kind="stable") if row[i] >= AUDIBLE] for row in groups]
        # Maps of all other groups are not worth enlarging.
        chosen = [[0, *(i + 1 for i in those), -1] for those in audible]
        refined = self._refined(images, sounds, self._class_heatmap_jit, refinement, chosen)
        return [
            ClassHeatmaps.of_maps(maps, {GROUPS[i].name: float(row[i]) for i in those})
            for row, those, maps in zip(groups, audible, refined, strict=True)
        ]

    def audible_classes(self, waveforms: np.ndarray) -> list[dict[str, float]]:
        """What AudioSet calls each sound: its most probable classes with their probabilities, three at most.

        None for a model whose audio backbone has no classifier.

        Raises:
            ConfigError: the waveforms have another length than the model's clip.
        """
        if self.config.audio is None or not self.config.audio.classes:
            return [{} for _ in waveforms]
        return names_of_sounds(self._batched(self._sound_classes_jit, self._check_waveforms(waveforms)))

    def visible_classes(self, images: Images) -> list[dict[str, float]]:
        """What each image shows: the most probable groups of classes with their probabilities, five at most.

        None for a model that has no names. The square in the middle is what is seen.
        """
        if not self.config.kind.named:
            return [{} for _ in images]
        return names_of_images(self._batched(self._visible_groups_jit, self._squares(images)))

    def _refined(
        self,
        images: Images,
        sounds: np.ndarray,
        function: Callable,
        refinement: Refinement,
        chosen: Sequence[list[int]] | None = None,
    ) -> list[np.ndarray]:
        """Maps of each whole image with its sound, [rows, columns, maps]: of all that a function gives, or some.

        An array that is given with several sounds is seen once.
        """
        items = list(images)
        distinct = {id(image): image for image in items}
        number = {key: i for i, key in enumerate(distinct)}
        seen = [number[id(image)] for image in items]
        arrays, sizes = self._moments(list(distinct.values())), refinement.sizes(self.config)
        views = [arrays, [self.config.moment.mirrored(array) for array in arrays]] if refinement.flips else [arrays]
        maps = [[self._maps(view, seen, sounds, function, size) for size in sizes] for view in views]
        if chosen is not None:
            maps = [[[m[..., c] for m, c in zip(ms, chosen, strict=True)] for ms in of_view] for of_view in maps]
        of_images = zip(*(zip(*of_view, strict=True) for of_view in maps), strict=True)
        return [combine(of_image, sizes, refinement.object_prior) for of_image in of_images]

    def _maps(
        self, images: Images, seen: Sequence[int], sounds: np.ndarray, function: Callable, size: int
    ) -> list[np.ndarray]:
        """What a function of cells and sounds gives for each sound with the whole image that is seen with it."""
        whole = [resize_short_side(image, size, MAX_ASPECT) for image in images]
        maps: list[np.ndarray] = [np.empty(0)] * len(seen)
        # Images of one shape together, since every shape is compiled.
        for shape in sorted({image.shape for image in whole}):
            rows = {number: row for row, number in enumerate(i for i in range(len(whole)) if whole[i].shape == shape)}
            cells = self._batched(self._encode_cells_jit, np.stack([whole[number] for number in rows]))
            places = [i for i, number in enumerate(seen) if number in rows]
            each = cells[[rows[seen[i]] for i in places]]
            for i, of_image in zip(places, self._batched(function, each, sounds[places]), strict=True):
                maps[i] = of_image
        return maps

    def _refuse_cells(self) -> None:
        if not self.config.kind.one_vector:
            takers = models_that(lambda kind: kind.one_vector)
            raise ConfigError(self.config.network, f"has no single embedding for an image; take {takers}")

    def _encode_images(self, images: Images) -> np.ndarray:
        return self._batched(self._encode_images_jit, self._squares(images))

    def _squares(self, images: Images) -> np.ndarray:
        return center_squares(self._moments(images), self.config.image_size, self.config.moment.channels)

    def _moments(self, images: Images) -> Images:
        """What the network takes of images and moments."""
        # Where frames are pooled, the mean of equal ones is that of one, for a part of the work.
        if self.config.pools_frames and all(image.shape[-1] == IMAGE.channels for image in images):
            return images
        return self.config.moment.arrays(images)

    def _check_waveforms(self, waveforms: np.ndarray) -> np.ndarray:
        waveforms, length = np.asarray(waveforms, np.float32), self.config.clip_samples
        if waveforms.ndim != 2 or waveforms.shape[1] != length:
            raise ConfigError("waveforms", f"must have the shape [n, {length}], got {list(waveforms.shape)}")
        return waveforms

    def _batched(self, function: Callable, *arrays: np.ndarray) -> np.ndarray:
        return batched(function, *arrays, size=self.batch_size)

    def _merge(self, state) -> Network:
        return nnx.merge(self._graph, state)

    def _compile(self, function: Callable) -> Callable:
        """A function of the network and of arrays, compiled, as one of the arrays alone."""
        # The weights are an argument: captured, they would become constants of every compiled program.
        apply = jax.jit(lambda state, *arrays: function(self._merge(state), *arrays))
        return lambda *arrays: apply(self._state, *arrays)

    @cached_property
    def _encode_images_jit(self):
        return self._compile(lambda network, x: network.encode_images(x.astype(jnp.float32) / 255.0))

    @cached_property
    def _encode_sounds_jit(self):
        front = self.config.spectrogram
        return self._compile(lambda network, x: network.encode_sounds(log_spectrogram(x, front)))

    @cached_property
    def _encode_cells_jit(self):
        return self._compile(encode_cells)

    @cached_property
    def _encode_sources_jit(self):
        front = self.config.spectrogram
        return self._compile(lambda network, x: network.encode_sources(log_spectrogram(x, front)))

    @cached_property
    def _sound_classes_jit(self):
        front = self.config.spectrogram
        return self._compile(lambda network, x: network.sound_classes(log_spectrogram(x, front)))

    @cached_property
    def _visible_groups_jit(self):
        return self._compile(lambda network, x: network.visible_groups(x.astype(jnp.float32) / 255.0))

    @cached_property
    def _score_jit(self):
        return self._compile(lambda network, x, y: network.score(x, y))

    @cached_property
    def _matrix_jit(self):
        return self._compile(lambda network, x, y: network.score_matrix(x, y))

    @cached_property
    def _heatmap_jit(self):
        return self._compile(heatmaps_of)

    @cached_property
    def _class_heatmap_jit(self):
        return self._compile(class_heatmaps_of)


def _check_counts(images: Images, waveforms: np.ndarray) -> None:
    if len(images) != len(waveforms):
        raise ConfigError("images", f"are {len(images)}, but there are {len(waveforms)} sounds")
