"""`python -m train captioner`: from images to words, with captions that people wrote."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from avnet.backbones.backbone import Backbone
from avnet.captioners.captioner import Captioner
from avnet.captioners.guards import Guards, Mask
from avnet.consensus.cider import SIGMA
from avnet.describer.caption_memory import CaptionMemory
from avnet.describer.familiarity import Familiarity
from avnet.describer.text_describer import TextDescriber, TextSettings
from avnet.describer.text_folder import TextParts, as_pieces, write_text_describer
from avnet.errors import TrainingError
from avnet.units.pieces import Pieces
from avnet.units.words import words
from data.captions.corpus import CaptionCorpus, open_captions
from eval.captions.metrics.bleu import bleu
from eval.captions.metrics.cider import cider_d
from eval.captions.metrics.diversity import bad_ends, distinct, mean_length
from train.captioner.config import CaptionTrainConfig
from train.captioner.examples import Examples, TokenStrings
from train.captioner.objective import mean_log_probability, objective_of, optimizer_of
from train.captioner.places import open_places
from train.captioner.retrieval import Shown
from train.captioner.rewards import REWARDS, Said
from train.captioner.self_critical import self_critical
from train.captioner.start import check_fit, fresh, text_start
from train.engine import loop
from train.engine.card import trained_card
from train.engine.run_folder import MODEL
from train.engine.task import BatchesByStep, Measure, Validation

# The first of all words stands for those that are too rare to be learned; no describer writes it.
RARE = ""
# Runs of so many words do not occur twice in a description.
REPEATED = 3
# Images of validation that are described to choose the best state.
DESCRIBED = 500


def captioner(config: CaptionTrainConfig) -> Path:
    """Runs, or resumes, the training.

    Returns:
        The model folder, `config.out / "model"`.

    Raises:
        DataError, ModelFolderError: the captions or the backbone cannot be used.
        TrainingError, Interruption: as in `train.engine.loop.train`.
    """
    config = config.with_defaults()
    return loop.train(config.out, config, lambda devices: Writing(config))


class Writing:
    """A network that describes images in words."""

    title = "captioner"
    measure = Measure("CIDEr-D")

    def __init__(self, config: CaptionTrainConfig):
        self.config = config
        # Kept over all validations, since its search is compiled.
        self._describer: TextDescriber | None = None
        self.corpus = corpus = open_captions(config.captions)
        self.backbone = backbone = Backbone.load(config.backbone)
        sentences = [words(text) for text in corpus.texts]
        training, held_out = (corpus.captions_in(split) for split in ("train", "validation"))
        self.words = vocabulary_of([sentences[i] for i in training], config.least)
        if len(self.words) < 3:
            reason = f"has no words that occur in {config.least} training captions; lower --least"
            raise TrainingError(config.captions, reason)
        number_of = {word: number for number, word in enumerate(self.words)}
        rows = [np.array([number_of.get(word, 0) for word in row], np.int32) for row in sentences]
        places = open_places(config.regions, corpus, backbone, config.views)
        sizes = config.network(len(self.words), places, retrieved=0)
        strings = TokenStrings(corpus.folder, rows, corpus.image_of, training, held_out, len(self.words))
        nothing = Shown(0, sizes.retrieved_length, sizes.padding, rows)
        self.examples = Examples(config, strings, places, nothing)
        self.fingerprints = {"captions": digest(corpus), "backbone": backbone.fingerprint}
        if config.init_from is None:
            self.network = fresh(config, replace(sizes, longest=self.examples.longest), places, corpus)
        else:
            start = text_start(config, self.words, backbone.fingerprint)
            check_fit(config, start.network, self.examples)
            self.network, self.fingerprints["init_from"] = start.network, start.fingerprint
        self.objective, self.optimizer = objective_of(config.label_smoothing, rare=0), optimizer_of(config)
        self.held_out = self.examples.validation()
        lengths = np.array([len(rows[i]) for i in training])
        guards = Guards(longest=max(8, round(1.5 * float(np.percentile(lengths, 95)))), repeated=REPEATED)
        if config.reward is not None:
            pieces = Pieces(as_pieces(len(self.words)))
            said = Said(sentences, corpus.image_of, training, self.words, pieces, sigma=SIGMA)
            mask = Mask(self.network.config, pieces, guards, never=[0])
            self.objective = self_critical(config, self.objective, mask, REWARDS[config.reward](said))
        self.parts = partial(
            TextParts,
            words=self.words,
            guards=guards,
            familiarity=Familiarity.of(*(self.whole(corpus.images_in(split)) for split in ("train", "validation"))),
            memory=CaptionMemory.of(
                [rows[i] for i in training], np.searchsorted(corpus.images_in("train"), corpus.image_of[training])
            ),
        )

    def whole(self, images: np.ndarray) -> np.ndarray:
        """The mean of the places of each image, float32 [images, features]."""
        parts = [self.examples.places.of(images[i : i + 256]).whole for i in range(0, len(images), 256)]
        return np.concatenate(parts)

    @cached_property
    def described(self) -> np.ndarray:
        """Images of validation with a caption, whose descriptions are measured."""
        images = np.intersect1d(self.corpus.images_in("validation"), self.corpus.image_of)
        return np.sort(np.random.default_rng(0).permutation(images)[:DESCRIBED])

    @cached_property
    def references(self) -> list[list[str]]:
        """Captions of each image of `described`."""
        return [[self.corpus.texts[i] for i in np.flatnonzero(self.corpus.image_of == n)] for n in self.described]

    def batches(self, shard: tuple[int, int]) -> BatchesByStep:
        """Captions with their images."""
        return BatchesByStep(self.examples.at, shard)

    def validate(self, network: Captioner) -> Validation:
        """How close greedy descriptions of held-out images come to what people wrote, and how likely that is.

        Rewards narrow what is said and may teach to break off, which CIDEr-D hides: so different descriptions, ends
        that want another word (both as shares) and length in words are told too.
        """
        if self._describer is None:
            self._describer = TextDescriber(self.parts(network=network, validation={}), self.backbone)
        self._describer.search.use(network)
        features = self.examples.places.of(self.described)
        texts = [row[0].text for row in self._describer.alternatives(features, TextSettings(candidates=1))]
        return Validation(
            {
                "CIDEr-D": cider_d(texts, self.references),
                "BLEU-4": bleu(texts, self.references)[3],
                "log_probability": mean_log_probability(network, self.held_out, rare=0),
                "distinct": distinct(texts) / len(texts),
                "bad_ends": bad_ends(texts),
                "length": mean_length(texts),
            }
        )

    def write(self, network: Captioner, validation: Validation) -> None:
        """Writes the describer with its words and its backbone."""
        card = trained_card(
            "Text describer",
            "Describes images in words: sentences for alt text and catalogues. It was trained on text.",
            f"{len(self.examples.strings.training):,} training captions that people wrote, with their images; "
            f"{len(self.words) - 1:,} words that occur in at least {self.config.least} of them.",
            self.config,
            validation.figures,
            "Writes what people wrote of similar images. Of images unlike those its confidence is low.",
        )
        parts = self.parts(network=network, validation=validation.figures)
        write_text_describer(self.config.out / MODEL, parts, self.config.backbone, card)


def vocabulary_of(sentences: list[list[str]], least: int) -> tuple[str, ...]:
    """Words of training captions in order, after the one that stands for all rare ones.

    Args:
        sentences: as words.
        least: number of captions that a word must occur in.
    """
    # Held-out captions must not decide which words there are.
    counts = Counter(word for sentence in sentences for word in set(sentence))
    return (RARE, *sorted(word for word, count in counts.items() if count >= least))


def digest(corpus: CaptionCorpus) -> str:
    """SHA-256 of which images a corpus has, and what is written of them."""
    identity = [corpus.names, corpus.splits, corpus.image_of.tolist(), corpus.texts]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()
