"""An image in, a spoken description out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from avnet.captioners.features import Box
from avnet.captioners.hypothesis import Candidate, Reason
from avnet.captioners.region_files.region_file import RegionFile
from avnet.captioners.search import Search
from avnet.consensus.runs import consensus
from avnet.describer.folder import SPACE, UNITS, VOICE, DescriberParts, read_describer
from avnet.describer.guards import REGION_PIECES
from avnet.describer.settings import Settings
from avnet.describer.views import Views, regions_for, views_of
from avnet.errors import ModelFolderError
from avnet.events import Listener, nobody
from avnet.files.artifact import Header
from avnet.speech_space.space import SpeechSpace
from avnet.synthesizers.synthesizer import Synthesizer
from avnet.synthesizers.voice import open_voice
from avnet.units.registry import read_any_units
from avnet.units.units import Units
from avnet.zoo.reference import locate

# Batches of images that are searched at once.
BATCH = 8
# Images with whose descriptions candidates are compared.
SIMILAR = 20


@dataclass(frozen=True)
class Neighbor:
    """A recording that was retrieved.

    Attributes:
        image: that it describes, by name.
        recording: its number in the memory.
        similarity: cosine of the described image with it.
    """

    image: str
    recording: int
    similarity: float


@dataclass(frozen=True)
class Description:
    """What is said of an image.

    Attributes:
        waveform: float32 mono in [-1, 1] at 16 kHz.
        units: that it says, int64 [n].
        attention: float32 [units, places], where the describer looked at each; None where it does not attend.
        boxes: float32 [places, 4], left, top, right and bottom of the places, as shares of the image.
        region: that is described, likewise; None for the whole image.
        score: by which it was chosen among the candidates.
        similarity: cosine of the image and the speech in the shared space.
        confidence: in [0, 1], the probability that image and speech belong together, lowered for images that are
            unlike all that was learned from.
        neighbors: what was retrieved, nearest first.
        reason: why it stopped: 'end', 'limit' or 'stuck'.
        candidates: how many there were.
    """

    waveform: np.ndarray
    units: np.ndarray
    attention: np.ndarray | None
    boxes: np.ndarray
    region: Box | None
    score: float
    similarity: float
    confidence: float
    neighbors: tuple[Neighbor, ...]
    reason: Reason
    candidates: int


class Choice(NamedTuple):
    """The best candidate for an image, and the score by which it was chosen."""

    candidate: Candidate
    score: float


class Describer:
    """A describer with its space, its units and a voice.

    Attributes:
        parts: that were learned for describing.
        space: of images and speech.
        units: in which it speaks.
        voice: says them.
        regions: of the images that it describes, where it learned from a file of regions.

    Example:
        >>> describer = avnet.load("runs/describer/model")
        >>> [description] = describer.describe([avnet.read_image("garden.jpg")])
        >>> 0 <= description.confidence <= 1
        True
    """

    regions: RegionFile | None = None

    def __init__(self, parts: DescriberParts, space: SpeechSpace, units: Units, voice: Synthesizer):
        self.parts, self.space, self.units, self.voice = parts, space, units, voice
        self.search = Search(parts.network, parts.pieces, parts.guards)

    @classmethod
    def load(cls, folder: str | Path, voice: str | Path | None = None, on_event: Listener = nobody) -> "Describer":
        """Opens a folder of `python -m train describer`.

        Args:
            folder: the describer.
            voice: what says its units, as of `open_voice`; by default the voice that it learned with.
            on_event: is told of progress, of recordings that are left out, and of what a voice fails at.

        Raises:
            ModelFolderError: a part is missing, damaged or does not fit the others.
            DataError: the voice has no recording that can be read, or is of other units.
        """
        folder = locate(folder).folder
        parts, space, units = (
            read_describer(folder),
            SpeechSpace.load(folder / SPACE),
            read_any_units(folder / UNITS),
        )
        check_fit(folder, parts, space)
        if max(int(run.max()) for run in parts.pieces.runs) >= units.count:
            raise ModelFolderError(folder / UNITS, "have fewer units than the describer speaks in")
        voice = folder / VOICE if voice is None else Path(voice)
        return cls(parts, space, units, open_voice(voice, units, on_event))

    def use_regions(self, path: str | Path | None) -> None:
        """Opens the file of regions of the images that are to be described.

        Args:
            path: as of `RegionFile`; None for a describer that needs none.

        Raises:
            OptionError: it needs one and there is none, or the other way round.
            DataError: the file cannot be used, or has other features than those that it learned from.
        """
        self.regions = regions_for(self.parts.network.config, path)

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a describer."""
        with header.parsing():
            captioner, facts = header.config["captioner"], header.facts
            figures = {name: f"{value:.4g}" for name, value in facts["validation"].items()}
            return {
                "captioner": str(captioner["kind"]),
                "pieces": f"{captioner['pieces']:,}",
                "memory": f"{facts['recordings']:,} recordings",
                **figures,
            }

    def describe(
        self,
        images: Sequence[np.ndarray],
        settings: Settings | None = None,
        names: Sequence[str | None] | None = None,
    ) -> Iterator[Description]:
        """Describes images one after the other.

        Args:
            images: uint8 RGB [height, width, 3].
            settings: by default the best of forty.
            names: by which regions are looked up, for a describer that sees regions of a file.

        Raises:
            DataError: the file has no usable regions of an image.
        """
        settings = settings or Settings()
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            views = self.views(images[part], None if names is None else names[part], settings.region)
            for i, candidates in enumerate(self.candidates(views, settings)):
                yield self._best(views.select(slice(i, i + 1)), candidates, settings)

    def views(
        self, images: Sequence[np.ndarray], names: Sequence[str | None] | None = None, region: Box | None = None
    ) -> Views:
        """What it sees of images.

        Args:
            images: uint8 RGB [height, width, 3].
            names: as in `describe`.
            region: the only part that is seen, as shares of the image.

        Raises:
            OptionError: it needs a file of regions.
            DataError: that has no usable regions of an image.
        """
        return views_of(images, self.space, self.parts.network.config.regions, self.regions, names, region)

    def candidates(self, views: Views, settings: Settings, *, retrieval: bool = True) -> list[list[Candidate]]:
        """Candidates for each image, likeliest first.

        Args:
            views: of the images.
            settings: method and number.
            retrieval: whether descriptions of similar images are shown.
        """
        pieces, similarity = self._retrieve_pieces(views.embeddings, retrieval=retrieval)
        search = self._search_for(settings)
        if settings.method == "beam":
            by_image = search.beam(views.features, pieces, similarity, settings.candidates, settings.reward)
        else:
            by_image = search.sample(
                views.features,
                pieces,
                similarity,
                count=settings.candidates,
                temperature=settings.temperature,
                top_k=settings.top_k,
                seed=settings.seed,
            )
        return [_distinct(candidates) for candidates in by_image]

    def _search_for(self, settings: Settings) -> Search:
        return self.search if settings.region is None else self.search.at_most(REGION_PIECES)

    def _retrieve_pieces(self, embeddings: np.ndarray, *, retrieval: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Pieces [n, descriptions, length] and similarity [n, descriptions] of what is retrieved for images."""
        config = self.parts.network.config
        pieces = np.full((len(embeddings), config.retrieved, config.retrieved_length), config.padding, np.int32)
        similarity = np.zeros(pieces.shape[:2], np.float32)
        if retrieval and config.retrieved:
            for row, embedding in enumerate(embeddings):
                neighbors = self.retrieve(embedding)
                pieces[row, : len(neighbors)] = self.parts.memory.pieces[[n.recording for n in neighbors]]
                similarity[row, : len(neighbors)] = [n.similarity for n in neighbors]
        return pieces, similarity

    def retrieve(self, embedding: Float[np.ndarray, " embedding"], count: int | None = None) -> list[Neighbor]:
        """The recordings nearest to an image, by default as many as the describer is shown."""
        memory = self.parts.memory
        cosines = memory.embeddings @ embedding
        count = min(self.parts.network.config.retrieved if count is None else count, len(cosines))
        # Stable, so that equals come in the order of the memory on every machine.
        best = np.argsort(-cosines, kind="stable")[:count]
        return [Neighbor(self.parts.names[memory.image[i]], int(i), float(cosines[i])) for i in best]

    def confidence(self, similarity: float) -> float:
        """The probability that an image and speech of that cosine belong together."""
        slope, shift = self.parts.confidence
        return float(0.5 + 0.5 * np.tanh((slope * similarity + shift) / 2))

    def stream(
        self, image: np.ndarray, settings: Settings | None = None, name: str | None = None
    ) -> Iterator[Float[np.ndarray, " samples"]]:
        """Says an image's likeliest description while it is still being made.

        Args:
            image: uint8 RGB [height, width, 3].
            settings: of which only the reward and the region count.
            name: as in `describe`.
        """
        settings = settings or Settings()
        views = self.views([image], [name], settings.region)
        pieces, similarity = self._retrieve_pieces(views.embeddings)
        tokens = self._search_for(settings).stream(views.features, pieces, similarity, settings.reward)
        units = (int(unit) for piece in tokens if isinstance(piece, int) for unit in self.parts.pieces.runs[piece])
        yield from self.voice.stream(units)

    def choose(
        self,
        view: Views,
        candidates: Sequence[Candidate],
        settings: Settings,
        *,
        retrieval: bool = True,
    ) -> Choice:
        """Of the candidates for one image the likely one that has most in common with the others or with neighbors.

        Args:
            view: of the image.
            candidates: of it, at least one.
            settings: weights.
            retrieval: whether candidates are compared with descriptions of similar images; else with each other.
        """
        neighbors = self._descriptions_of_similar(view.pooled[0]) if retrieval else []
        agreement = consensus([candidate.units for candidate in candidates], neighbors)
        likelihood = np.array([candidate.score for candidate in candidates])
        scores = settings.likelihood * likelihood + settings.consensus * agreement
        best = int(scores.argmax())
        return Choice(candidates[best], float(scores[best]))

    def _best(self, view: Views, candidates: list[Candidate], settings: Settings) -> Description:
        """Of one image."""
        there = np.asarray(view.features.boxes[0]).any(axis=1)
        best, score = self.choose(view, candidates, settings)
        waveform = self.voice.speak(best.units)
        cosine = float(self.space.embed_speech([waveform])[0] @ view.embeddings[0])
        lengths = self.parts.pieces.lengths[list(best.pieces)]
        attention = None
        if best.attention.size:
            # The network looks once for a piece, which stands for several units.
            attention = best.attention.repeat(lengths, axis=0)[:, there]
        return Description(
            waveform,
            best.units,
            attention,
            np.asarray(view.features.boxes[0][there], np.float32),
            settings.region,
            score,
            cosine,
            # A high cosine means little for an image that is like nothing learned from.
            self.confidence(cosine) * float(self.parts.familiarity.trust(view.pooled)[0]),
            tuple(self.retrieve(view.embeddings[0])),
            best.reason,
            len(candidates),
        )

    def _descriptions_of_similar(self, pooled: Float[np.ndarray, " features"]) -> list[list[np.ndarray]]:
        """Units of what the memory has of the images that are most like one, image by image."""
        memory, most = self.parts.memory, self.parts.network.config.pieces
        images = [self._recordings_of[image] for image in self.parts.familiarity.nearest(pooled, SIMILAR).tolist()]
        # The end and padding have the numbers after those of the pieces.
        rows = [[memory.pieces[i] for i in recordings] for recordings in images if len(recordings)]
        return [[self.parts.pieces.expand(row[row < most]) for row in image] for image in rows]

    @cached_property
    def _recordings_of(self) -> list[np.ndarray]:
        """Numbers of the recordings of each image that is told to be familiar or not."""
        learned = self.parts.memory.learned
        order = np.argsort(learned, kind="stable")
        return np.split(order, np.searchsorted(learned[order], np.arange(1, len(self.parts.familiarity.features))))


def check_fit(folder: Path, parts: DescriberParts, space: SpeechSpace) -> None:
    """Refuses a describer with a space that it was not trained on.

    Raises:
        ModelFolderError: names the folder of the space.
    """
    # The network may see regions of a file; that images are familiar is always told from grids.
    if parts.familiarity.image_features != space.image_tower.features:
        raise ModelFolderError(folder / SPACE, "does not fit the describer's image features")
    if parts.memory.embeddings.shape[1] != space.network.config.embedding_size:
        raise ModelFolderError(folder / SPACE, "does not fit the describer's memory")


def _distinct(candidates: list[Candidate]) -> list[Candidate]:
    """Of those that say the same units, put together from other pieces, the first."""
    best: dict[tuple[int, ...], Candidate] = {}
    for one in candidates:
        best.setdefault(tuple(one.units.tolist()), one)
    return list(best.values())
