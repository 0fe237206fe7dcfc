"""A tagger in use: images in, words with their probabilities and heatmaps out; and its folder."""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.backbones.backbone import Backbone
from avnet.captioners.features import OF_GRIDS, ImageFeatures, grid_boxes
from avnet.errors import ConfigError
from avnet.files.artifact import WEIGHTS, Header, new_artifact, read_header
from avnet.files.json_file import parse_json
from avnet.files.kinds import TAGGER
from avnet.files.weights import fill_network, to_bytes
from avnet.nn.abstract import abstract_network
from avnet.nn.batching import batched
from avnet.tagger.network import TaggerConfig, TaggerNetwork, log_odds
from avnet.tagger.vocabulary import Vocabulary
from avnet.zoo.reference import locate

# The folder of the backbone within that of a tagger, and the file of its words.
BACKBONE, WORDS = "backbone", "words.json"
# Images whose words are computed at once, and whose features are held at once.
BATCH, PART = 64, 512


class Tagger:
    """A trained tagger in use.

    Attributes:
        network: in evaluation mode.
        backbone: makes grids of images.
        vocabulary: its words, with their calibration and thresholds.
        validation: figures of the state that was kept.
        fingerprint: of its folder; empty before it is saved.

    Example:
        >>> tagger = avnet.load("runs/tagger/model")
        >>> [tags] = tagger.tags([avnet.read_image("garden.jpg")], top=3)
        >>> len(tags)
        3
    """

    def __init__(
        self,
        network: TaggerNetwork,
        backbone: Backbone,
        vocabulary: Vocabulary,
        fingerprint: str = "",
        validation: Mapping[str, float] | None = None,
    ):
        network.eval()
        self.network, self.backbone, self.vocabulary, self.fingerprint = network, backbone, vocabulary, fingerprint
        self.validation = dict(validation or {})

    @classmethod
    def load(cls, path: str | Path) -> "Tagger":
        """Opens a folder that `save` wrote.

        Raises:
            ModelFolderError: it is not a tagger, of an earlier or newer avnet, damaged, or has another backbone than
                it was trained with.
        """
        header = read_header(locate(path).folder, TAGGER)
        content = header.read(WORDS)
        with header.parsing():
            config = TaggerConfig.from_dict(header.config)
            validation = {name: float(value) for name, value in header.facts["validation"].items()}
            vocabulary = Vocabulary.of_json(parse_json(content))
            if len(vocabulary.words) != config.words:
                raise ValueError(f"it has {len(vocabulary.words)} words instead of {config.words}")
        network = abstract_network(lambda rngs: TaggerNetwork(config, rngs=rngs))
        network = fill_network(header.folder / WEIGHTS, network, header.arrays())
        backbone = Backbone.part_of(header, BACKBONE, config.image_features)
        return cls(network, backbone, vocabulary, header.fingerprint, validation)

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
        with new_artifact(path, TAGGER, card) as draft:
            draft.config = self.network.config.to_dict()
            draft.facts = {"validation": self.validation}
            draft.requires = {BACKBONE: self.backbone.save(draft.folder / BACKBONE)}
            (draft.folder / WEIGHTS).write_bytes(to_bytes(self.network))
            (draft.folder / WORDS).write_text(self.vocabulary.to_json())
        self.fingerprint = draft.fingerprint
        return draft.fingerprint

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a tagger."""
        with header.parsing():
            config = TaggerConfig.from_dict(header.config)
            figures = {name: f"{value:.4g}" for name, value in header.facts["validation"].items()}
        return {"words": f"{config.words:,}", "places": config.regions, **figures}

    def features(self, images: Sequence[np.ndarray] | np.ndarray) -> ImageFeatures:
        """What the tagger sees of images, uint8 RGB [height, width, 3]: the square in the middle of each."""
        return self.features_of(self.backbone.grids(images))

    def features_of(self, grids: Float[np.ndarray, "n rows columns features"]) -> ImageFeatures:
        """What the tagger sees of grids of its backbone."""
        return OF_GRIDS[self.network.config.regions](grids)

    def log_odds(self, features: ImageFeatures) -> Float[np.ndarray, "n words"]:
        """Of each word, before calibration, which leaves the order of images as it is."""
        return batched(partial(_log_odds, *self._parts), *map(np.asarray, features), size=BATCH)

    def log_odds_of_grids(self, grids: np.ndarray, numbers: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n words"]:
        """As `log_odds`, of some images of a corpus, whose grids may be more than the memory holds.

        Args:
            grids: [images, rows, columns, features] of all of them.
            numbers: of those that are asked for.
        """
        starts = range(0, len(numbers), PART)
        return np.concatenate([self.log_odds(self.features_of(grids[numbers[i : i + PART]])) for i in starts])

    def probabilities(self, features: ImageFeatures) -> Float[np.ndarray, "n words"]:
        """Calibrated probabilities of all words, in the order of the vocabulary."""
        return self.vocabulary.probabilities(self.log_odds(features))

    def tags(
        self, images: Sequence[np.ndarray], threshold: float | None = None, top: int | None = None
    ) -> list[dict[str, float]]:
        """Words for images with their probabilities, the most probable first; none where none is probable.

        Args:
            images: uint8 RGB [height, width, 3].
            threshold: above which a word is told; by default each word's own, at which it was as often right as was
                asked of it in training. With `top` and no threshold all words are candidates.
            top: most words for an image.

        Raises:
            ConfigError: the threshold is no probability, or the number less than 1.
        """
        return self.choose(self.probabilities(self.features(images)), threshold, top)

    def choose(
        self, probabilities: Float[np.ndarray, "n words"], threshold: float | None = None, top: int | None = None
    ) -> list[dict[str, float]]:
        """The tags of probabilities; arguments and refusals as of `tags`."""
        if threshold is not None and not 0 <= threshold <= 1:
            raise ConfigError("threshold", f"must be from 0 to 1, got {threshold}")
        if top is not None and top < 1:
            raise ConfigError("top", f"must be at least 1, got {top}")
        words = self.vocabulary.words
        least = self.vocabulary.threshold if threshold is None else threshold
        if threshold is None and top is not None:
            least = -1.0
        chosen = []
        for row in probabilities:
            # Stable: of equally probable words the more frequent comes first.
            order = np.argsort(-row, kind="stable")
            order = order[(row > least)[order]][:top]
            chosen.append({words[number]: float(row[number]) for number in order})
        return chosen

    def heatmap(self, image: np.ndarray, word: str) -> Float[np.ndarray, "rows columns"]:
        """As `heatmaps`, of one word."""
        return self.heatmaps(image, [word])[0]

    def heatmaps(self, image: np.ndarray, words: Sequence[str]) -> Float[np.ndarray, "words rows columns"]:
        """Where in an image words are seen: the probability of each in each cell of the grid, before calibration.

        The grid lies over the square in the middle of the image. What is seen in the image as a whole, as a scene is,
        may be likely without being so in any one cell.

        Args:
            image: uint8 RGB [height, width, 3].
            words: of the vocabulary.

        Raises:
            ConfigError: the tagger does not know a word.
        """
        known = self.vocabulary.words
        if unknown := [word for word in words if word not in known]:
            raise ConfigError("word", f"is none of the {len(known):,} that this tagger knows: {unknown[0]!r}")
        features = self.features([image])
        places = np.asarray(_places(*self._parts, features))[0, :-1]  # the last is the whole, which is nowhere
        side = self.backbone.cells
        heat = in_cells(np.asarray(features.boxes)[0], places[:, [known.index(word) for word in words]], side)
        return heat.T.reshape(len(words), side, side)

    @cached_property
    def _parts(self) -> tuple[nnx.GraphDef, nnx.State]:
        return nnx.split(self.network)


# One program for all taggers of the same sizes.
@partial(jax.jit, static_argnums=0)
def _log_odds(graph: nnx.GraphDef, state: nnx.State, cells: Array, mask: Array, boxes: Array) -> Array:
    return log_odds(nnx.merge(graph, state).evidence(ImageFeatures(cells, mask, boxes)))


@partial(jax.jit, static_argnums=0)
def _places(graph: nnx.GraphDef, state: nnx.State, features: ImageFeatures) -> Array:
    return jax.nn.sigmoid(nnx.merge(graph, state)(features))


def in_cells(
    boxes: Float[np.ndarray, "places 4"], values: Float[np.ndarray, "places words"], side: int
) -> Float[np.ndarray, "cells words"]:
    """The largest value of the places in which the middle of each cell lies, row by row; 0 where there is none.

    Args:
        boxes: of the places.
        values: of the places, at least 0.
        side: rows and columns of cells.
    """
    cells = grid_boxes(side, side)
    middles = (cells[:, :2] + cells[:, 2:]) / 2
    inside = np.all((boxes[:, None, :2] <= middles) & (middles <= boxes[:, None, 2:]), axis=-1)
    return np.stack([values[inside[:, cell]].max(axis=0, initial=0.0) for cell in range(len(cells))])
