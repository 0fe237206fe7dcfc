"""Every way of describing images that is compared: the describer, the describer without a part, baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from avnet.captioners.hypothesis import Candidate
from avnet.describer.describer import BATCH, Describer, Views
from avnet.describer.settings import Settings
from avnet.errors import DataError
from avnet.program.progress import progress
from avnet.synthesizers.selection.voice import Voice
from avnet.synthesizers.synthesizer import Synthesizer
from data.spoken.corpus import SpokenCorpus
from eval.captions.baselines import elsewhere


@dataclass(frozen=True)
class Row:
    """One way to describe the images.

    Attributes:
        waveforms: spoken descriptions, one for each image.
        references: of each image; by default those of the task.
        units: of each description, where another describer made them.
    """

    waveforms: Sequence[np.ndarray]
    references: Sequence[Sequence[str]] | None = None
    units: Sequence[np.ndarray] | None = None


@dataclass
class Task:
    """The images of a split, with what people said of them.

    Attributes:
        corpus: packed.
        images: their numbers.
        texts: of every recording, empty where there is none; None where nothing is written.
        describer: that is measured.
    """

    corpus: SpokenCorpus
    images: np.ndarray
    texts: list[str] | None
    describer: Describer
    views: Views = field(init=False)

    def __post_init__(self):
        # Once for all rows: the image tower is what takes time here.
        images = [self.corpus.image(number) for number in self.images]
        self.views = self.describer.views(images, [self.corpus.names[number] for number in self.images])

    @cached_property
    def recordings(self) -> list[np.ndarray]:
        """Numbers of the recordings of each image."""
        return [np.flatnonzero(self.corpus.image_of == image) for image in self.images]

    @cached_property
    def first(self) -> list[int]:
        """The first recording of each image; with a text, which is the first of the references, where there are."""
        return [next(int(i) for i in numbers if self.texts is None or self.texts[i]) for numbers in self.recordings]

    @cached_property
    def references(self) -> list[list[str]]:
        """Texts of each image."""
        assert self.texts is not None
        return [[self.texts[i] for i in numbers if self.texts[i]] for numbers in self.recordings]


def task_of(
    describer: Describer, corpus: SpokenCorpus, texts: list[str] | None, split: str, limit: int, seed: int
) -> Task:
    """The images with at least two texts, or where nothing is written with a recording.

    Args:
        describer: that is measured.
        corpus: packed.
        texts: of every recording, empty where there is none; None where nothing is written.
        split: of the images.
        limit: of them, drawn; 0 for all.
        seed: draws them.

    Raises:
        DataError: there are none.
    """
    weights = None if texts is None else [bool(text) for text in texts]
    counts = np.bincount(corpus.image_of, weights, minlength=len(corpus.names))
    # Two, since a recording is measured against the other texts of its image.
    images = np.intersect1d(corpus.images_in(split), np.flatnonzero(counts >= (1 if texts is None else 2)))
    if not len(images):
        need = "a recording" if texts is None else "two texts of its recordings"
        raise DataError(corpus.folder, f"has no image in the split {split!r} with {need}")
    if limit and limit < len(images):
        images = np.sort(np.random.default_rng(seed).choice(images, limit, replace=False))
    return Task(corpus, images, texts, describer)


def rows_of(
    task: Task, voices: Mapping[str, Synthesizer], others: Mapping[str, Describer], seed: int
) -> dict[str, Row]:
    """Every way of describing that is compared.

    Args:
        task: the images.
        voices: more ways to say what the describer says.
        others: more describers.
        seed: draws another image for each.
    """
    candidates, voice = candidates_of(task, Settings()), task.describer.voice
    chosen = best_of(task, candidates, Settings())
    waveforms = said(voice, chosen)
    rows = {
        "describer": Row(waveforms),
        "the likeliest": Row(said(voice, [of_image[0] for of_image in candidates])),
        "no retrieval": Row(said(voice, without_retrieval(task))),
        # What the memory alone can do, without any network that describes.
        "nearest-neighbour replay": Row(replay(task)),
        "shuffled images": Row([waveforms[i] for i in elsewhere(len(waveforms), seed)]),
    }
    for name, other_voice in voices.items():
        rows[f"synthesis: {name}"] = Row(said(other_voice, chosen))
    for name, other in others.items():
        # Another describer has a space of its own, in which images are embedded anew.
        theirs = Task(task.corpus, task.images, task.texts, other)
        best = best_of(theirs, candidates_of(theirs, Settings()), Settings())
        rows[name] = Row(said(other.voice, best), units=[candidate.units for candidate in best])
    if task.texts is None:
        return rows
    # A recording is not measured against its own text; beside it stands the describer against the same texts.
    rest = [texts[1:] for texts in task.references]
    rows["original recordings, other texts"] = Row([task.corpus.recordings[i] for i in task.first], rest)
    rows["describer, the same texts"] = Row(waveforms, rest)
    return rows


def candidates_of(task: Task, settings: Settings, *, retrieval: bool = True) -> list[list[Candidate]]:
    """Candidates of every image."""
    candidates: list[list[Candidate]] = []
    starts = range(0, len(task.images), BATCH)
    for start in progress(starts, "describing", len(starts), "batches"):
        part = task.views.select(slice(start, start + BATCH))
        candidates += task.describer.candidates(part, settings, retrieval=retrieval)
    return candidates


def best_of(
    task: Task, candidates: Sequence[list[Candidate]], settings: Settings, *, retrieval: bool = True
) -> list[Candidate]:
    """Which of its candidates the describer chooses for each image."""
    views = (task.views.select(slice(i, i + 1)) for i in range(len(candidates)))
    return [
        task.describer.choose(view, of_image, settings, retrieval=retrieval).candidate
        for view, of_image in zip(views, candidates, strict=True)
    ]


def said(voice: Synthesizer, chosen: Sequence[Candidate]) -> list[np.ndarray]:
    """What was chosen, as a voice says it."""
    return [voice.speak(one.units) for one in progress(chosen, "speaking", len(chosen), "descriptions")]


def without_retrieval(task: Task) -> list[Candidate]:
    """As `best_of`, with nothing retrieved for the describer or for the choice."""
    return best_of(task, candidates_of(task, Settings(), retrieval=False), Settings(), retrieval=False)


def replay(task: Task) -> list[np.ndarray]:
    """The recording nearest to each image, as it is: a perfect voice and wrong details."""
    voice = task.describer.voice
    assert isinstance(voice, Voice)
    nearest = [task.describer.retrieve(embedding, 1)[0] for embedding in task.views.embeddings]
    return [voice.waveforms[match.recording] for match in nearest]
