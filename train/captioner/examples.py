"""What a captioner learns from: images, each with strings of tokens."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.errors import TrainingError
from train.captioner.options import CaptionerOptions
from train.captioner.places import Places
from train.captioner.retrieval import Shown, pad_rows

# Lengths of the strings of a batch are padded to a multiple of this, so that few are compiled.
BLOCK = 8
# Longest strings, of all; the network is made for a multiple of this.
LONGEST_BLOCK = 16
# Batches whose strings are sorted by length together.
SORT_BATCHES = 16
VALIDATION_BATCHES = 8


@dataclass(frozen=True)
class TokenStrings:
    """What is said of images, as tokens.

    Attributes:
        folder: of the corpus, for refusals.
        rows: tokens of each description.
        image_of: int64 [descriptions], the image of each.
        training: int64 [n], the descriptions to learn from.
        held_out: int64 [m], those of validation.
        count: of different tokens; the end has the next number, padding the one after.
    """

    folder: Path
    rows: list[np.ndarray]
    image_of: np.ndarray
    training: np.ndarray
    held_out: np.ndarray
    count: int


class Examples:
    """Descriptions with their images; each batch is a function of its step.

    Args:
        options: of the run.
        strings: the descriptions.
        places: of the images.
        shown: retrieved descriptions that are shown with each image.

    Attributes:
        longest: tokens that a description may have, half as many again as those that were learned from.
    """

    def __init__(
        self,
        options: CaptionerOptions,
        strings: TokenStrings,
        places: Places,
        shown: Shown,
    ):
        self.options, self.strings, self.places, self.shown = options, strings, places, shown
        self.end, self.padding = strings.count, strings.count + 1
        self.lengths = lengths = np.array([len(row) for row in strings.rows])
        # The longest hundredth is not learned from: it would stretch every batch that it is in.
        training = strings.training
        limit = int(np.percentile(lengths[training], 99))
        self.longest = -(-round(1.5 * limit) // LONGEST_BLOCK) * LONGEST_BLOCK
        self.numbers = training[(lengths[training] > 0) & (lengths[training] <= limit)]
        if len(self.numbers) < options.batch_size:
            raise TrainingError(strings.folder, f"has {len(self.numbers)} training descriptions; lower --batch-size")
        _, counts = np.unique(strings.image_of[self.numbers], return_counts=True)
        groups = int((-(-counts // options.captions_per_image)).sum())
        self.per_epoch = groups // options.images_per_batch
        self._epoch: tuple[int, list[np.ndarray]] = (-1, [])

    def at(self, step: int) -> dict[str, np.ndarray]:
        """The batch of a step."""
        epoch, number = divmod(step, self.per_epoch)
        if self._epoch[0] != epoch:
            rng = np.random.default_rng((self.options.seed, epoch))
            self._epoch = (epoch, self._batches_by_length(self._groups(rng), rng))
        # The 1 keeps these draws apart from those of the epochs.
        rng = np.random.default_rng((self.options.seed, 1, step))
        batch = self.batch(self._epoch[1][number], rng)
        if self.options.scheduled_sampling:
            share = self.options.scheduled_sampling * step / self.options.steps
            batch["own"] = rng.random(batch["inputs"].shape) < share
        return batch

    def validation(self) -> list[dict[str, np.ndarray]]:
        """Batches of held-out descriptions, always the same and without draws, as in use."""
        numbers = self.strings.held_out
        numbers = numbers[(self.lengths[numbers] > 0) & (self.lengths[numbers] < self.longest)]
        if not len(numbers):
            raise TrainingError(self.strings.folder, "has no description in the split 'validation' to measure with")
        # Not the seed of the run: runs of several seeds are compared on the same batches.
        order = np.random.default_rng(0).permutation(numbers)
        size = min(self.options.batch_size, len(order))
        # Batches of one size, since each counts alike in the mean.
        parts = [order[i : i + size] for i in range(0, len(order) - size + 1, size)]
        return [self.batch(part) for part in parts[:VALIDATION_BATCHES]]

    def batch(self, descriptions: np.ndarray, rng: np.random.Generator | None = None) -> dict[str, np.ndarray]:
        """What one update sees.

        Args:
            descriptions: numbers of the strings that are to be predicted, int [n], or [images, n] of one image a row.
            rng: draws what is retrieved, and views of the images; without one the nearest, and the images as they are.
        """
        rows = [self.strings.rows[i] for i in descriptions.ravel()]
        images = self.strings.image_of[descriptions.reshape(len(descriptions), -1)[:, 0]]
        retrieved, similarity = self.shown.at(images, rng)
        # Drawn only where there are several: other draws would change the batches of runs with one.
        choosing = rng if self.places.views > 1 else None
        views = None if choosing is None else choosing.integers(self.places.views, size=len(images))
        length = -(-(max(map(len, rows)) + 1) // BLOCK) * BLOCK
        targets = pad_rows([np.append(row, self.end) for row in rows], length, self.padding)
        # The end of a description also serves as what comes before its first token.
        inputs = np.concatenate([np.full((len(targets), 1), self.end, np.int32), targets[:, :-1]], axis=1)
        return {
            **self.places.of(images, views)._asdict(),
            "image": images.astype(np.int32),
            "retrieved": retrieved,
            "similarity": similarity,
            "inputs": inputs,
            "targets": targets,
        }

    def _groups(self, rng: np.random.Generator) -> np.ndarray:
        """Descriptions in any order, int [groups, captions_per_image], those of a row of one image.

        Where an image has too few for its last row, some are there twice.
        """
        order, size = rng.permutation(self.numbers), self.options.captions_per_image
        if size == 1:
            return order[:, None]
        order = order[np.argsort(self.strings.image_of[order], kind="stable")]
        _, starts = np.unique(self.strings.image_of[order], return_index=True)
        of_images = np.split(order, starts[1:])
        groups = [np.resize(own[i : i + size], size) for own in of_images for i in range(0, len(own), size)]
        return rng.permutation(np.stack(groups))

    def _batches_by_length(self, order: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        size, batches = self.options.images_per_batch, []
        order = order[: self.per_epoch * size]
        for start in range(0, len(order), SORT_BATCHES * size):
            part = order[start : start + SORT_BATCHES * size]
            part = part[np.argsort(self.lengths[part].max(axis=1), kind="stable")]
            batches += [part[i : i + size] for i in range(0, len(part), size)]
        # Else lengths would rise through every group of batches, and with them the loss.
        return [batches[i] for i in rng.permutation(len(batches))]
