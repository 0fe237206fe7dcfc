"""`python -m train describer`: from images to unit strings, with the recordings of a spoken corpus as memory."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from avnet.captioners.captioner import Captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.guards import Guards, Mask
from avnet.captioners.search import Search
from avnet.describer.familiarity import Familiarity
from avnet.describer.folder import (
    SPACE,
    UNITS,
    VOICE,
    DescriberParts,
    RetrievalMemory,
    write_describer,
)
from avnet.describer.settings import Settings
from avnet.speech_space.space import SpeechSpace
from avnet.synthesizers.selection.folder import write_voice
from avnet.units.strings import Strings
from data.images.grids import pooled_of
from data.spoken.corpus import SpokenCorpus, open_corpus
from data.spoken.strings import digest, encode_corpus, expand
from train.captioner.config import DescribeTrainConfig
from train.captioner.examples import Examples, TokenStrings
from train.captioner.objective import mean_log_probability, objective_of, optimizer_of
from train.captioner.places import open_places
from train.captioner.retrieval import Shown, confidence_of, embeddings_of, pad_rows, retrieve
from train.captioner.rewards import REWARDS, Reward, Said
from train.captioner.self_critical import self_critical
from train.captioner.start import check_fit, describer_start, fresh
from train.engine import loop
from train.engine.card import trained_card
from train.engine.run_folder import MODEL
from train.engine.task import BatchesByStep, Measure, Validation
from train.units.pieces import encode_pieces, learn_pieces

# Pieces of strings whose units have no lexicon.
PIECES = 2000
# Images of validation that are described to choose the best state, where that is chosen by a reward.
DESCRIBED = 200


def describer(config: DescribeTrainConfig) -> Path:
    """Runs, or resumes, the training.

    Returns:
        The model folder, `config.out / "model"`.

    Raises:
        DataError, ModelFolderError: the corpus, the space or the units cannot be used.
        TrainingError, Interruption: as in `train.engine.loop.train`.
    """
    config = config.with_defaults()
    return loop.train(config.out, config, lambda devices: Captioning(config))


class Captioning:
    """A network that describes images in the units of a spoken corpus."""

    title = "describer"

    def __init__(self, config: DescribeTrainConfig):
        self.config = config
        # Who learns from rewards finds what people say less likely than before, though it may be worth more.
        self.measure = Measure(config.reward or "log_probability")
        self.corpus = corpus = open_corpus(config.corpus)
        space, encoding = SpeechSpace.load(config.space), encode_corpus(corpus, config.units)
        self.units, self.strings = encoding.units, encoding.strings
        if not config.collapse and self.units is not None:
            self.strings = expand(self.strings, self.units.frames_per_step)
        self.recordings = recordings = corpus.recordings_in("train")
        lexicon = None if self.units is None else self.units.lexicon
        # A lexicon was learned from collapsed strings, and its prices hold for those alone.
        if config.pieces is None and config.collapse and lexicon is not None:
            pieces, prices = lexicon.pieces, lexicon.prices
        else:
            count = PIECES if config.pieces is None else config.pieces
            pieces, prices = learn_pieces([self.strings[i].units for i in recordings], encoding.count, count), None
        rows = encode_pieces(self.strings, pieces, prices)
        places = open_places(config.regions, corpus, space.image_tower, config.views)
        sizes = config.network(len(pieces), places, retrieved=config.shown, copying=config.copying)
        start = None if config.init_from is None else describer_start(config, pieces, space.fingerprint)
        sizes = sizes if start is None else start.network.config
        pooled = pooled_of(corpus, space.image_tower)
        image_embeddings, embeddings = space.embed_grids(pooled[:, None, None]), embeddings_of(corpus, space)
        neighbors = retrieve(corpus, image_embeddings, embeddings, recordings, config.candidates)
        self.examples = examples = Examples(
            config,
            TokenStrings(
                corpus.folder, rows, corpus.image_of, recordings, corpus.recordings_in("validation"), len(pieces)
            ),
            places,
            Shown(sizes.retrieved, sizes.retrieved_length, sizes.padding, rows, neighbors, config.forget),
        )
        self.fingerprints = {"corpus": digest(corpus), "space": space.fingerprint, "units": encoding.fingerprint}
        if start is None:
            self.network = fresh(config, replace(sizes, longest=examples.longest), places, corpus)
        else:
            check_fit(config, start.network, self.examples)
            self.network, self.fingerprints["init_from"] = start.network, start.fingerprint
        self.objective, self.optimizer = objective_of(config.label_smoothing), optimizer_of(config)
        self.held_out = examples.validation()
        guards = guards_of(self.strings, recordings, collapse=config.collapse and self.units is not None)
        self.reward: Reward | None = None
        if config.reward is not None:
            strings = [row.tolist() for row in rows]
            said = Said(
                strings,
                corpus.image_of,
                recordings,
                range(len(pieces)),
                pieces,
                seen=image_embeddings,
                heard=embeddings,
            )
            self.reward = REWARDS[config.reward](said)
            mask = Mask(self.network.config, pieces, guards)
            self.objective = self_critical(config, self.objective, mask, self.reward)
        self.parts = partial(
            DescriberParts,
            pieces=pieces,
            guards=guards,
            memory=memory_of(corpus, embeddings, rows, recordings, sizes),
            familiarity=Familiarity.of(*(pooled[corpus.images_in(split)] for split in ("train", "validation"))),
            confidence=confidence_of(corpus, image_embeddings, embeddings),
            names=corpus.names,
        )

    def batches(self, shard: tuple[int, int]) -> BatchesByStep:
        """Descriptions with their images and what is retrieved."""
        return BatchesByStep(self.examples.at, shard)

    def validate(self, network: Captioner) -> Validation:
        """How likely held-out descriptions are; with a reward, also that of greedy ones, how many differ and units."""
        figures = {"log_probability": mean_log_probability(network, self.held_out)}
        if self.config.reward is not None and self.reward is not None:
            images = np.unique(self.corpus.image_of[self.corpus.recordings_in("validation")])
            images = np.sort(np.random.default_rng(0).permutation(images)[:DESCRIBED])
            parts = self.parts(network=network, validation={})
            search = Search(network, parts.pieces, parts.guards)
            features, retrieved = self.examples.places.of(images), self.examples.shown.at(images, None)
            best = [row[0] for row in search.beam(features, *retrieved, beams=1, reward=Settings().reward)]
            scores = self.reward.scores([one.pieces for one in best], images, [one.reason == "end" for one in best])
            figures[self.config.reward] = float(scores.mean())
            figures["distinct"] = len({one.pieces for one in best}) / len(best)
            figures["length"] = float(np.mean([len(one.units) for one in best]))
        return Validation(figures)

    def write(self, network: Captioner, validation: Validation) -> None:
        """Writes the describer with all that it describes by; first of all the voice of the corpus."""
        out, folders = self.config.out, {SPACE: self.config.space, UNITS: self.config.units}
        if self.units is not None:
            folders[VOICE] = out / "voice"
            # The voice holds recordings and does not change with the network.
            if not folders[VOICE].exists():
                write_voice(folders[VOICE], self.corpus.recordings, self.strings, self.recordings, self.units)
        card = trained_card(
            "Describer",
            "Describes images in speech units, with recordings of similar images as memory; a voice speaks the units.",
            f"Recordings for training: {len(self.recordings)}, with their images. No text was read.",
            self.config,
            validation.figures,
            "Says what its speakers said of similar images. Its confidence holds for images like those.",
        )
        write_describer(out / MODEL, self.parts(network=network, validation=validation.figures), folders, card)


def guards_of(strings: Strings, recordings: np.ndarray, *, collapse: bool) -> Guards:
    """Descriptions may be half as long again as all but the longest twentieth."""
    longest = 1.5 * float(np.percentile(strings.lengths[recordings], 95))
    return Guards(longest=max(8, round(longest)), collapsed=collapse)


def memory_of(
    corpus: SpokenCorpus, embeddings: np.ndarray, rows: list[np.ndarray], recordings: np.ndarray, sizes: CaptionerConfig
) -> RetrievalMemory:
    """The training recordings as what can be retrieved."""
    pieces = pad_rows([rows[i] for i in recordings], sizes.retrieved_length, sizes.padding)
    images = corpus.image_of[recordings]
    # Rising, as are the rows of the familiarity.
    learned = np.searchsorted(corpus.images_in("train"), images)
    return RetrievalMemory(embeddings[recordings], pieces, images, learned.astype(np.int64))
