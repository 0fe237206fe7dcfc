"""What a captioner learns from: descriptions with their images and what is retrieved for them."""

import numpy as np

from avnet.captioners.features import grid_features
from avnet.errors import TrainingError
from avnet.speech_space.space import SpeechSpace
from data.images.cache import cache_array
from data.images.grids import grids_of, pooled_of
from data.spoken.corpus import SpokenCorpus
from train.captioner.config import DescribeTrainConfig
from train.captioner.retrieval import retrieve
from train.speech_space.validation import embed_recordings

# Lengths of the strings of a batch are padded to a multiple of this, so that few are compiled.
BLOCK = 16
# Batches whose strings are sorted by length together.
SORT_BATCHES = 16
VALIDATION_BATCHES = 8


class Examples:
    """Descriptions with their images and what is retrieved for them; each batch is a function of its step.

    Args:
        config: the run.
        corpus: of the recordings.
        space: in which similar images are found.
        strings: the pieces of all recordings.
        pieces: how many there are.
        retrieved_length: pieces of a retrieved description that are shown.
    """

    def __init__(
        self,
        config: DescribeTrainConfig,
        corpus: SpokenCorpus,
        space: SpeechSpace,
        strings: list[np.ndarray],
        pieces: int,
        retrieved_length: int,
    ):
        self.config, self.corpus, self.strings, self.retrieved_length = config, corpus, strings, retrieved_length
        self.end, self.padding = pieces, pieces + 1
        # The image tower stays as it is, so its features are computed once for all runs.
        self.grids = grids_of(corpus, space.image_tower)
        self.pooled = pooled_of(corpus, space.image_tower)
        self.image_embeddings = space.embed_grids(self.pooled[:, None, None])
        self.embeddings = embeddings_of(corpus, space)
        memory = corpus.recordings_in("train")
        self.neighbors = retrieve(corpus, self.image_embeddings, self.embeddings, memory, config.candidates)
        lengths = np.array([len(row) for row in strings])
        # The longest hundredth is not learned from: it would stretch every batch that it is in.
        limit = int(np.percentile(lengths[memory], 99))
        # Descriptions may come out half as long again as those that were learned from.
        self.longest = -(-round(1.5 * limit) // BLOCK) * BLOCK
        self.numbers = memory[(lengths[memory] > 0) & (lengths[memory] <= limit)]
        self.lengths = lengths
        if len(self.numbers) < config.batch_size:
            raise TrainingError(corpus.folder, f"has {len(self.numbers)} training recordings; lower --batch-size")
        self.per_epoch = len(self.numbers) // config.batch_size
        self._epoch: tuple[int, list[np.ndarray]] = (-1, [])

    def at(self, step: int) -> dict[str, np.ndarray]:
        """The batch of a step."""
        epoch, number = divmod(step, self.per_epoch)
        if self._epoch[0] != epoch:
            rng = np.random.default_rng((self.config.seed, epoch))
            self._epoch = (epoch, self._batches_by_length(rng.permutation(self.numbers), rng))
        # The 1 keeps these draws apart from those of the epochs.
        return self.batch(self._epoch[1][number], np.random.default_rng((self.config.seed, 1, step)))

    def validation(self) -> list[np.ndarray]:
        """Batches of held-out descriptions."""
        numbers = self.corpus.recordings_in("validation")
        numbers = numbers[(self.lengths[numbers] > 0) & (self.lengths[numbers] < self.longest)]
        if not len(numbers):
            raise TrainingError(self.corpus.folder, "has no validation recording with speech")
        # Not the seed of the run: runs of several seeds are compared on the same batches.
        order = np.random.default_rng(0).permutation(numbers)
        size = min(self.config.batch_size, len(order))
        # Batches of one size, since each counts alike in the mean.
        parts = [order[i : i + size] for i in range(0, len(order) - size + 1, size)]
        return parts[:VALIDATION_BATCHES]

    def batch(self, recordings: np.ndarray, rng: np.random.Generator | None = None) -> dict[str, np.ndarray]:
        """What one update sees.

        Args:
            recordings: whose strings are to be said.
            rng: draws what is retrieved; without one it is the nearest.
        """
        images = self.corpus.image_of[recordings]
        descriptions, similarity = self._retrieve_for(images, rng)
        longest = max(len(self.strings[i]) for i in recordings) + 1
        length = -(-longest // BLOCK) * BLOCK
        targets = pad_rows([np.append(self.strings[i], self.end) for i in recordings], length, self.padding)
        # The end of a description also serves as what comes before the first piece.
        inputs = np.concatenate([np.full((len(targets), 1), self.end, np.int32), targets[:, :-1]], axis=1)
        return {
            **grid_features(self.grids[images])._asdict(),
            "retrieved": descriptions,
            "similarity": similarity,
            "inputs": inputs,
            "targets": targets,
        }

    def _retrieve_for(self, images: np.ndarray, rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
        """Pieces [batch, descriptions, length] and similarity [batch, descriptions]."""
        count, length = self.config.shown, self.retrieved_length
        descriptions = np.full((len(images), count, length), self.padding, np.int32)
        similarity = np.zeros((len(images), count), np.float32)
        for row, image in enumerate(images):
            # Without anything retrieved too, so that it can also describe what is like nothing in the memory.
            if count == 0 or (rng is not None and rng.random() < self.config.forget):
                continue
            total = self.config.candidates
            # Sorted, so that nearer ones come first, as in use.
            places = np.arange(count) if rng is None else np.sort(rng.choice(total, count, replace=False))
            recordings = self.neighbors.recordings[image, places]
            descriptions[row] = pad_rows([self.strings[i] for i in recordings], length, self.padding)
            similarity[row] = self.neighbors.similarity[image, places]
        return descriptions, similarity

    def _batches_by_length(self, order: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        size, batches = self.config.batch_size, []
        order = order[: self.per_epoch * size]
        for start in range(0, len(order), SORT_BATCHES * size):
            part = order[start : start + SORT_BATCHES * size]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            batches += [part[i : i + size] for i in range(0, len(part), size)]
        # Else lengths would rise through every group of batches, and with them the loss.
        return [batches[i] for i in rng.permutation(len(batches))]


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


def pad_rows(rows: list[np.ndarray], length: int, padding: int) -> np.ndarray:
    """int32 [rows, length]; what is longer is cut."""
    table = np.full((len(rows), length), padding, np.int32)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values[:length]
    return table
