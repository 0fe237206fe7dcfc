"""An image in, a written description out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from avnet.backbones.backbone import Backbone
from avnet.captioners.features import OF_GRIDS, Box, ImageFeatures
from avnet.captioners.hypothesis import Candidate, Reason
from avnet.captioners.region_files.region_file import RegionFile
from avnet.captioners.search import Search
from avnet.describer.guards import REGION_PIECES, check_region
from avnet.describer.text_folder import BACKBONE_FOLDER, TextParts, as_pieces, read_text_describer
from avnet.describer.views import regions_for, regions_of
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.artifact import Header
from avnet.units.pieces import Pieces
from avnet.units.words import sentence
from avnet.zoo.reference import locate

# Images whose descriptions are searched for together.
BATCH = 32
# Learned images whose captions a description is compared with.
NEIGHBORS = 10
# The number of the word that stands for all that are too rare to be learned; none is written.
RARE = 0


@dataclass(frozen=True)
class TextSettings:
    """How a written description is chosen.

    Attributes:
        method: 'beam' for the likeliest, 'sample' for variety.
        candidates: descriptions of an image, of which the best is taken and the others are its alternatives.
        reward: for each word, while the likeliest are searched for; more makes longer descriptions.
        temperature: of sampling; below 1 the likely becomes likelier.
        top_k: of sampling; only so many words can be drawn.
        consensus: weight of how much a candidate agrees with captions of similar images, beside the mean
            log-probability of a word; 0 takes the likeliest.
        seed: of sampling.
        region: left, top, right and bottom of the part that is described, as shares of the image; None for the whole.
    """

    method: str = "beam"
    candidates: int = 10
    reward: float = 0.0
    temperature: float = 0.7
    top_k: int = 10
    # Chosen on images of validation (BENCHMARKS.md).
    consensus: float = 16.0
    seed: int = 0
    region: Box | None = None

    def __post_init__(self):
        if self.method not in ("beam", "sample"):
            raise ConfigError("method", f"must be beam or sample, got {self.method!r}")
        if not 1 <= self.candidates <= 64:
            raise ConfigError("candidates", f"must be from 1 to 64, got {self.candidates}")
        if self.top_k < 1:
            raise ConfigError("top_k", f"must be at least 1, got {self.top_k}")
        if not 0 <= self.reward <= 100 or not 0 <= self.temperature <= 100:
            raise ConfigError("reward and temperature", "must be from 0 to 100")
        if self.consensus < 0:
            raise ConfigError("consensus", f"must be at least 0, got {self.consensus:g}")
        check_region(self.region)


@dataclass(frozen=True)
class TextDescription:
    """What is written of an image.

    Attributes:
        text: a sentence without capital letter and full stop.
        words: that it is made of, as the tokenizer takes them apart: do n't, boy 's.
        log_probability: of the words and the end, natural logarithm.
        probability: among the alternatives, which sum to 1.
        confidence: in [0, 1], how ordinary the image is among those that were learned from; 1 of an ordinary one.
        attention: float32 [words, places], where the captioner looked at each; None where it does not attend.
        boxes: float32 [places, 4], of the places; left, top, right and bottom, as shares of the image.
        region: that is described, likewise; None for the whole image.
        reason: why it stopped: 'end', 'limit' or 'stuck'.
        alternatives: all that were found, best first, this one among them.
    """

    text: str
    words: tuple[str, ...]
    log_probability: float
    probability: float
    confidence: float
    attention: np.ndarray | None
    boxes: np.ndarray
    region: Box | None
    reason: Reason
    alternatives: tuple["TextDescription", ...] = ()


class TextDescriber:
    """A captioner over words with its backbone.

    Attributes:
        parts: that were learned.
        backbone: sees the images.
        regions: of the images that it describes, where it learned from a file of regions.

    Example:
        >>> describer = avnet.load("runs/words/model")
        >>> [description] = describer.describe([avnet.read_image("garden.jpg")])
        >>> set(description.words) <= set(describer.vocabulary)
        True
        >>> round(sum(one.probability for one in description.alternatives), 6)
        1.0
    """

    regions: RegionFile | None = None

    def __init__(self, parts: TextParts, backbone: Backbone):
        self.parts, self.backbone = parts, backbone
        self.search = Search(parts.network, Pieces(as_pieces(len(parts.words))), parts.guards, never=[RARE])

    @classmethod
    def load(cls, folder: str | Path) -> "TextDescriber":
        """Opens a folder of `python -m train captioner`.

        Raises:
            ModelFolderError: a part is missing, damaged or does not fit the others.
        """
        folder = locate(folder).folder
        parts, backbone = read_text_describer(folder), Backbone.load(folder / BACKBONE_FOLDER)
        if parts.network.config.regions in OF_GRIDS and parts.network.config.image_features != backbone.features:
            raise ModelFolderError(folder / BACKBONE_FOLDER, "does not fit the captioner's image features")
        return cls(parts, backbone)

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a text describer."""
        with header.parsing():
            captioner, facts = header.config["captioner"], header.facts
            figures = {name: f"{value:.4g}" for name, value in facts["validation"].items()}
            return {"captioner": str(captioner["kind"]), "words": f"{facts['words']:,}", **figures}

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Words by number; the first is empty, for all that are too rare."""
        return self.parts.words

    def use_regions(self, path: str | Path | None) -> None:
        """Opens the file of regions of the images that are to be described.

        Args:
            path: as of `RegionFile`; None for a describer that needs none.

        Raises:
            OptionError: it needs one and there is none, or the other way round.
            DataError: the file cannot be used, or has other features than those that it learned from.
        """
        self.regions = regions_for(self.parts.network.config, path)

    def features(self, images: Sequence[np.ndarray], names: Sequence[str | None] | None = None) -> ImageFeatures:
        """What the captioner is given of images; boxes are shares of whole images.

        Args:
            images: uint8 RGB [height, width, 3].
            names: by which regions are looked up, for a describer that sees regions of a file.

        Raises:
            OptionError: it needs a file of regions, or an image has no name.
            DataError: the file has no usable regions of an image.
        """
        regions = self.parts.network.config.regions
        sizes = [(int(image.shape[1]), int(image.shape[0])) for image in images]
        if regions not in OF_GRIDS:
            return regions_of(self.regions, names, sizes)
        return OF_GRIDS[regions](self.backbone.grids(images)).of_squares_in(sizes)

    def describe(
        self,
        images: Sequence[np.ndarray],
        settings: TextSettings | None = None,
        names: Sequence[str | None] | None = None,
    ) -> Iterator[TextDescription]:
        """Describes images one after the other, each with its alternatives.

        Args:
            images: uint8 RGB [height, width, 3].
            settings: by default the best of ten.
            names: as of `features`.

        Raises:
            OptionError, DataError: as in `features`.
        """
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            features = self.features(images[part], None if names is None else names[part])
            for alternatives in self.alternatives(features, settings):
                yield replace(alternatives[0], alternatives=tuple(alternatives))

    def alternatives(
        self, features: ImageFeatures, settings: TextSettings | None = None
    ) -> list[list[TextDescription]]:
        """Descriptions of each image, best first, all different.

        Args:
            features: of the images.
            settings: by default the best of ten.
        """
        settings, results = settings or TextSettings(), []
        search = self.search
        if settings.region is not None:
            features, search = features.within(settings.region), search.at_most(REGION_PIECES)
        config = self.parts.network.config
        nothing = (
            np.full((len(features.cells), config.retrieved, config.retrieved_length), config.padding, np.int32),
            np.zeros((len(features.cells), config.retrieved), np.float32),
        )
        if settings.method == "beam":
            by_image = search.beam(features, *nothing, settings.candidates, settings.reward)
        else:
            options = {name: getattr(settings, name) for name in ("temperature", "top_k", "seed")}
            by_image = search.sample(features, *nothing, count=settings.candidates, **options)
        whole = features.whole
        trust = self.parts.familiarity.trust(whole)
        for candidates, boxes, pooled, confidence in zip(by_image, features.boxes, whole, trust, strict=True):
            there = np.asarray(boxes).any(axis=1)
            distinct: dict[str, Candidate] = {}
            for candidate in self._best_first(candidates, pooled, settings.consensus):
                distinct.setdefault(self.sentence(candidate.pieces), candidate)
            likelihood = np.exp([c.log_probability for c in distinct.values()])
            shares = likelihood / max(likelihood.sum(), np.finfo(np.float64).tiny)
            results.append(
                [
                    TextDescription(
                        text,
                        tuple(self.vocabulary[number] for number in candidate.pieces),
                        candidate.log_probability,
                        float(share),
                        float(confidence),
                        candidate.attention[:, there] if candidate.attention.size else None,
                        np.asarray(boxes, np.float32)[there],
                        settings.region,
                        candidate.reason,
                    )
                    for (text, candidate), share in zip(distinct.items(), shares, strict=True)
                ]
            )
        return results

    def _best_first(self, candidates: Sequence[Candidate], pooled: np.ndarray, consensus: float) -> list[Candidate]:
        """Candidates for one image in order; those that score the same stay in theirs, the likelier first."""
        if len(candidates) < 2 or not consensus:
            return list(candidates)
        similar = self.parts.familiarity.nearest(pooled, NEIGHBORS)
        agreement = self.parts.memory.agreement([candidate.pieces for candidate in candidates], similar)
        scores = np.array([candidate.score for candidate in candidates]) + consensus * agreement
        return [candidates[i] for i in np.argsort(-scores, kind="stable")]

    def sentence(self, numbers: Sequence[int]) -> str:
        """Words by their numbers as they are written: contractions are one again."""
        return sentence(self.vocabulary[number] for number in numbers)
