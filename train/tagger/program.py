"""`python -m train tagger`: words of captions, and where they are seen in images."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float, Key

from avnet.backbones.backbone import Backbone
from avnet.captioners.features import ImageFeatures, grid_features
from avnet.errors import TrainingError
from avnet.tagger.network import TaggerConfig, TaggerNetwork, cross_entropy
from avnet.tagger.tagger import Tagger
from avnet.tagger.vocabulary import Vocabulary
from data.captions.content import content_words, times_said
from data.captions.corpus import open_captions
from data.images.grids import grids_of
from eval.tags.scores import chance_mean_average_precision, mean_average_precision
from train.engine import loop
from train.engine.card import trained_card
from train.engine.run_folder import MODEL
from train.engine.step import warmup_cosine
from train.engine.task import BatchesByStep, Figures, Measure, Objective, Validation
from train.tagger.calibration import calibrate
from train.tagger.config import TaggerTrainConfig

# Words whose average precision chooses the best network.
MEASURED = 300


def tagger(config: TaggerTrainConfig) -> Path:
    """Runs, or resumes, the training.

    Returns:
        The tagger's folder, `config.out / "model"`.

    Raises:
        DataError, ModelFolderError: the corpus or the backbone cannot be used.
        TrainingError, Interruption: as in `train.engine.loop.train`.
    """
    return loop.train(config.out, config, lambda devices: Tagging(config))


def _features(model: TaggerNetwork, batch: Any, key: Key[Array, ""]) -> Float[Array, "batch words"]:
    return model.evidence(ImageFeatures(batch["cells"], batch["mask"], batch["boxes"]))


def _loss(model: TaggerNetwork, evidence: Array, batch: Any) -> tuple[Float[Array, ""], Figures]:
    return cross_entropy(evidence, batch["targets"]), {}


class Tagging:
    """A tagger of the content words of a corpus of captions."""

    title = "tagger"
    measure = Measure("average_precision")
    objective = Objective(_features, _loss)

    def __init__(self, config: TaggerTrainConfig):
        self.config = config
        self.corpus = corpus = open_captions(config.corpus)
        self.backbone = Backbone.load(config.backbone)
        self.words = content_words(corpus, config.words)
        self.said = times_said(corpus, self.words)
        # Of an image whose captions were all left out nothing is said.
        captions = np.maximum(np.bincount(corpus.image_of, minlength=len(corpus.names)), 1)
        self.targets = (self.said / captions[:, None]).astype(np.float32)
        self.numbers, self.held_out = corpus.images_in("train"), corpus.images_in("validation")
        if len(self.numbers) < config.batch_size:
            raise TrainingError(corpus.folder, f"has {len(self.numbers)} training images; lower --batch-size")
        # The backbone stays as it is, so its features are computed once for all runs.
        self.grids = grids_of(corpus, self.backbone)
        sizes = TaggerConfig(self.backbone.features, len(self.words))
        self.network = TaggerNetwork(sizes, rngs=nnx.Rngs(config.seed))
        self.network.begin_at(self.targets[self.numbers].mean(axis=0), self.backbone.cells**2)
        schedule = warmup_cosine(config.learning_rate, max(1, config.steps // 20), config.steps)
        self.optimizer = optax.chain(optax.clip_by_global_norm(10.0), optax.adamw(schedule, weight_decay=1e-4))
        listing = hashlib.sha256(repr((self.words, corpus.splits)).encode() + self.targets.tobytes()).hexdigest()
        self.fingerprints = {"corpus": listing, "backbone": self.backbone.fingerprint}

    def batches(self, shard: tuple[int, int]) -> BatchesByStep:
        """Images with their words."""
        return BatchesByStep(self.at, shard)

    def at(self, step: int) -> dict[str, np.ndarray]:
        """The batch of a step."""
        size = self.config.batch_size
        epoch, number = divmod(step, len(self.numbers) // size)
        order = np.random.default_rng((self.config.seed, epoch)).permutation(self.numbers)
        # Sorted, so that they are read from the disk in order.
        images = np.sort(order[number * size : (number + 1) * size])
        return {**grid_features(self.grids[images])._asdict(), "targets": self.targets[images]}

    def validate(self, network: TaggerNetwork) -> Validation:
        """How well the images of a word stand before the others."""
        tagger = Tagger(network, self.backbone, Vocabulary.uncalibrated(self.words))
        log_odds = tagger.log_odds_of_grids(self.grids, self.held_out)
        measured, truth = log_odds[:, :MEASURED], self.said[self.held_out, :MEASURED] >= 1
        figures = {
            "average_precision": mean_average_precision(measured, truth),
            "average_precision_of_frequencies": chance_mean_average_precision(truth),
        }
        return Validation(figures, log_odds)

    def write(self, network: TaggerNetwork, validation: Validation) -> None:
        """Writes the tagger with its calibration."""
        targets, said = self.targets[self.held_out].astype(np.float64), self.said[self.held_out] >= 1
        vocabulary = calibrate(self.words, validation.evidence, targets, said, self.config.precision)
        card = trained_card(
            "Tagger",
            "Names what images show in words that people say of such images, and where it sees each.",
            f"Images for training: {len(self.numbers)}, with their captions; {len(self.words)} words.",
            self.config,
            validation.figures,
            "Knows the words of its captions alone. None of these told where a word is seen, so that a heatmap may show"
            " what goes with a thing in place of the thing.",
        )
        Tagger(network, self.backbone, vocabulary, validation=validation.figures).save(self.config.out / MODEL, card)
