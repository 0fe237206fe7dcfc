"""What is retrieved for each image in training, and how far a match can be trusted."""

from typing import NamedTuple

import numpy as np

from avnet.errors import TrainingError
from avnet.speech_space.space import SpeechSpace
from data.images.cache import cache_array
from data.spoken.corpus import SpokenCorpus
from train.engine.calibration import fit_calibration
from train.speech_space.validation import embed_recordings

BLOCK = 512


class Neighbors(NamedTuple):
    """The nearest descriptions of each image, its own left out.

    Attributes:
        recordings: int64 [images, candidates].
        similarity: float32 [images, candidates], cosine.
    """

    recordings: np.ndarray
    similarity: np.ndarray


def retrieve(
    corpus: SpokenCorpus, images: np.ndarray, speech: np.ndarray, memory: np.ndarray, candidates: int
) -> Neighbors:
    """Exact search among the recordings of a memory.

    Args:
        corpus: that both are of.
        images: unit embeddings of all images.
        speech: unit embeddings of all recordings.
        memory: the recordings that can be retrieved.
        candidates: for each image.

    Raises:
        TrainingError: the memory is too small for that.
    """
    recordings, similarity = [], []
    owner = corpus.image_of[memory]
    others = len(memory) - int(np.bincount(owner).max(initial=0))
    if others < candidates:
        raise TrainingError(corpus.folder, f"has {others} recordings to retrieve for an image; lower --candidates")
    for start in range(0, len(images), BLOCK):
        part = images[start : start + BLOCK] @ speech[memory].T
        # An image's own descriptions would give the answer away.
        part[owner[None] == np.arange(start, start + len(part))[:, None]] = -np.inf
        # The partition leaves equal cosines in any order; sorted by number first, they come in the same on every
        # machine.
        best = np.sort(np.argpartition(-part, candidates, axis=1)[:, :candidates], axis=1)
        order = np.argsort(-np.take_along_axis(part, best, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, axis=1)
        recordings.append(memory[best])
        similarity.append(np.take_along_axis(part, best, axis=1))
    return Neighbors(np.concatenate(recordings), np.concatenate(similarity).astype(np.float32))


class Shown:
    """Retrieved descriptions as a captioner is shown them.

    Args:
        count: for each image.
        length: tokens of each; what is longer is cut.
        padding: the symbol after the end of each.
        rows: tokens of all descriptions.
        neighbors: of all images; None shows nothing.
        forget: share of examples without any, so that it also describes what is like nothing in the memory.
    """

    def __init__(
        self,
        count: int,
        length: int,
        padding: int,
        rows: list[np.ndarray],
        neighbors: Neighbors | None = None,
        forget: float = 0.0,
    ):
        self.count, self.length, self.padding = count if neighbors else 0, length, padding
        self.rows, self.neighbors, self.forget = rows, neighbors, forget

    def at(self, images: np.ndarray, rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
        """Tokens [images, descriptions, length] and similarity [images, descriptions].

        Args:
            images: by number.
            rng: draws them from the candidates, so that none is relied on; without one they are the nearest.
        """
        descriptions = np.full((len(images), self.count, self.length), self.padding, np.int32)
        similarity = np.zeros((len(images), self.count), np.float32)
        if self.neighbors is None or self.count == 0:
            return descriptions, similarity
        candidates = self.neighbors.recordings.shape[1]
        for row, image in enumerate(images):
            if rng is not None and rng.random() < self.forget:
                continue
            # Sorted, so that nearer ones come first, as in use.
            places = (
                np.arange(self.count) if rng is None else np.sort(rng.choice(candidates, self.count, replace=False))
            )
            recordings = self.neighbors.recordings[image, places]
            descriptions[row] = pad_rows([self.rows[i] for i in recordings], self.length, self.padding)
            similarity[row] = self.neighbors.similarity[image, places]
        return descriptions, similarity


def pad_rows(rows: list[np.ndarray], length: int, padding: int) -> np.ndarray:
    """int32 [rows, length]; what is longer is cut."""
    table = np.full((len(rows), length), padding, np.int32)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values[:length]
    return table


def embeddings_of(corpus: SpokenCorpus, space: SpeechSpace) -> np.ndarray:
    """Unit embeddings of all recordings, float32; kept beside the corpus."""
    count = len(corpus.recordings)
    shape = (count, space.embedding_size)
    name = f"speech-{space.fingerprint[:16]}.npy"
    # In half precision the file is half as large, and cosines need no more digits.
    embeddings = cache_array(
        corpus, name, shape, np.float16, lambda: [embed_recordings(corpus, space, np.arange(count))]
    )
    return embeddings.astype(np.float32)


def confidence_of(corpus: SpokenCorpus, images: np.ndarray, speech: np.ndarray) -> tuple[float, float]:
    """Slope and shift by which the cosine of an image and speech becomes the log-odds that they belong together.

    Fitted on validation: each recording with its own image, and with every other.
    """
    recordings = corpus.recordings_in("validation")
    # One recording an image: then nothing off the diagonal belongs together.
    _, first = np.unique(corpus.image_of[recordings], return_index=True)
    recordings = recordings[first]
    cosines = images[corpus.image_of[recordings]] @ speech[recordings].T
    return fit_calibration(cosines, np.eye(len(recordings), dtype=bool))
