"""`python -m train speech`: images and their spoken descriptions into one space, without any text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avnet.backbones.backbone import Backbone
from avnet.speech_space.space import SpeechSpace
from data.images.grids import pooled_of, squares_of
from data.spoken.corpus import open_corpus
from data.spoken.strings import digest
from train.engine import loop
from train.engine.card import trained_card
from train.engine.run_folder import MODEL
from train.engine.task import BatchesByStep, Measure, Validation
from train.speech_space.batches import SpeechBatches
from train.speech_space.config import SpeechConfig
from train.speech_space.pairing import OBJECTIVE, Pairing, begin, image_tower, optimizer_of
from train.speech_space.validation import held_out, recalls


def speech(config: SpeechConfig) -> Path:
    """Runs, or resumes, the training.

    Returns:
        The model folder, `config.out / "model"`.

    Raises:
        DataError, ModelFolderError: the corpus or a model cannot be used.
        TrainingError, Interruption: as in `train.engine.loop.train`.
    """
    return loop.train(config.out, config, lambda devices: SpaceTraining(config))


class SpaceTraining:
    """A space of images and speech on a spoken corpus."""

    title = "space"
    measure = Measure("reciprocal_rank")
    objective = OBJECTIVE

    def __init__(self, config: SpeechConfig):
        self.config, self.corpus = config, open_corpus(config.corpus)
        warm = None if config.init_from is None else SpeechSpace.load(config.init_from)
        self.image_tower, train_tower = image_tower(config, warm)
        space = begin(config, self.image_tower, self.corpus, warm)
        self.network = Pairing(space, self.image_tower.network if train_tower else None)
        self.optimizer = optimizer_of(config)
        # Features of a tower that stays as it is are computed once.
        size = self.image_tower.image_size
        self.images = squares_of(self.corpus, size) if train_tower else pooled_of(self.corpus, self.image_tower)
        self.pairs = SpeechBatches(self.corpus, self.images, config, space.config.limit_s)
        self.held_out = held_out(self.corpus)
        self.fingerprints: Mapping[str, Any] = {
            "corpus": digest(self.corpus),
            "image": self.image_tower.fingerprint,
            "init_from": None if warm is None else warm.fingerprint,
            "tune_image": train_tower,
        }

    def batches(self, shard: tuple[int, int]) -> BatchesByStep:
        """Images with a recording each."""
        return BatchesByStep(self.pairs.at, shard)

    def validate(self, network: Pairing) -> Validation:
        """How well held-out recordings find their own images."""
        images, own = np.unique(self.corpus.image_of[self.held_out], return_inverse=True)
        pooled = self.images[images]
        if network.tower is not None:
            # The tower has changed since the last validation, so that nothing can be kept.
            pooled = self._tower(network).grids(pooled).mean(axis=(1, 2))
        space = SpeechSpace(network.space, self.image_tower)
        return Validation(recalls(self.corpus, pooled, own, space, self.held_out))

    def write(self, network: Pairing, validation: Validation) -> None:
        """Writes the space with its image tower."""
        card = trained_card(
            "Speech space",
            "Images and spoken descriptions as vectors that lie near each other where they belong together.",
            f"Recordings for training: {len(self.corpus.recordings_in('train'))}, with their images. No text was read.",
            self.config,
            validation.figures,
            "Knows only what its images show and its speakers say, in their language.",
        )
        space = SpeechSpace(network.space, self._tower(network), validation=validation.figures)
        space.save(self.config.out / MODEL, card)

    def _tower(self, network: Pairing) -> Backbone:
        return self.image_tower if network.tower is None else Backbone(self.image_tower.config, network.tower)
