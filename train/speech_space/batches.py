"""What the space learns from: images, each with one of its recordings."""

import numpy as np

from avnet.errors import TrainingError
from avnet.speech_space.network import padded_pcm
from data.spoken.corpus import SpokenCorpus
from train.speech_space.config import SpeechConfig

# Batches whose recordings are sorted by length together, so that little is padded.
SORT_BATCHES = 8


class SpeechBatches:
    """Every epoch shows each training image once, with one of its recordings; a batch is a function of its step.

    Args:
        corpus: of the recordings.
        images: of all images, or their pooled features.
        config: the run.
        limit_s: what a recording holds after so many seconds is left out.
    """

    def __init__(self, corpus: SpokenCorpus, images: np.ndarray, config: SpeechConfig, limit_s: float):
        self.corpus, self.images, self.config, self.limit_s = corpus, images, config, limit_s
        # Not `images_in`: an image may have lost all its recordings when the corpus was packed.
        self.numbers = np.unique(corpus.image_of[corpus.recordings_in("train")])
        if len(self.numbers) < config.batch_size:
            raise TrainingError(corpus.folder, f"has {len(self.numbers)} training images; lower --batch-size")
        self.of_image = {int(p): np.flatnonzero(corpus.image_of == p) for p in self.numbers}
        self.per_epoch = len(self.numbers) // config.batch_size
        self._epoch: tuple[int, list[np.ndarray]] = (-1, [])

    def at(self, step: int) -> dict[str, np.ndarray]:
        """The batch of a step: pcm, frames, and images (half of them mirrored) or their pooled features."""
        epoch, number = divmod(step, self.per_epoch)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._order(epoch))
        recordings = self._epoch[1][number]
        pcm, frames = padded_pcm([self.corpus.recordings.pcm(i) for i in recordings], self.limit_s)
        images = self.images[self.corpus.image_of[recordings]]
        if images.ndim == 4:
            # The 1 keeps these draws apart from those of the epochs.
            mirror = np.random.default_rng((self.config.seed, 1, step)).random(len(images)) < 0.5
            images = np.where(mirror[:, None, None, None], images[:, :, ::-1], images)
        return {"pcm": pcm, "frames": frames, "images": images}

    def _order(self, epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng((self.config.seed, epoch))
        recordings = np.array([rng.choice(self.of_image[int(p)]) for p in rng.permutation(self.numbers)])
        lengths, size = self.corpus.recordings.lengths, self.config.batch_size
        batches = []
        for start in range(0, self.per_epoch * size, SORT_BATCHES * size):
            part = recordings[start : min(start + SORT_BATCHES * size, self.per_epoch * size)]
            part = part[np.argsort(lengths[part], kind="stable")]
            batches += [part[i : i + size] for i in range(0, len(part), size)]
        # Else lengths would rise through every group of batches.
        return [batches[i] for i in rng.permutation(len(batches))]
