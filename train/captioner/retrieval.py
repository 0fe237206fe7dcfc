"""What is retrieved for each image in training, and how far a match can be trusted."""

from typing import NamedTuple

import numpy as np

from avnet.errors import TrainingError
from data.spoken.corpus import SpokenCorpus
from train.engine.calibration import fit_calibration

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
