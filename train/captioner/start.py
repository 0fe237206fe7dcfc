"""The network that a run starts with: a fresh one, or that of a trained describer, and what this must fit."""

from pathlib import Path

import numpy as np
from flax import nnx

from avnet.captioners.captioner import Captioner, build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.describer.folder import SPACE, DescriberParts, read_describer
from avnet.describer.text_folder import BACKBONE_FOLDER, TextParts, read_text_describer
from avnet.errors import ConfigError, TrainingError
from avnet.files.artifact import read_header
from avnet.files.kinds import DESCRIBER, TEXT_DESCRIBER
from avnet.units.pieces import Pieces
from data.images.corpus import ImageCorpus
from train.captioner.config import CaptionTrainConfig, DescribeTrainConfig
from train.captioner.examples import Examples
from train.captioner.options import CaptionerOptions
from train.captioner.places import Places, moments_of


def fresh(config: CaptionerOptions, sizes: CaptionerConfig, places: Places, corpus: ImageCorpus) -> Captioner:
    """A captioner with weights of the seed, which standardizes features by those of training images.

    Args:
        config: of the run.
        sizes: of the captioner.
        places: of the images of the corpus.
        corpus: of the run.
    """
    network = build_captioner(sizes, rngs=nnx.Rngs(config.seed))
    if network.standard is not None:
        mean, deviation = moments_of(places, corpus.images_in("train"))
        network.standard.mean[...], network.standard.deviation[...] = mean, deviation
    return network


def text_start(config: CaptionTrainConfig, words: tuple[str, ...], backbone: str) -> TextParts:
    """The parts of the text describer that is trained further.

    Args:
        config: of the run.
        words: its vocabulary.
        backbone: fingerprint of its backbone.

    Raises:
        ModelFolderError: it cannot be read, or was trained on another backbone.
        ConfigError: it is of another kind than is asked for.
        TrainingError: it has other words.
    """
    folder = _folder(config)
    parts = read_text_describer(folder)
    _check_kind(config, parts.network)
    if parts.words != words:
        ours, theirs = set(words), set(parts.words)
        # The empty one stands for rare words.
        counts = f"{len(ours & theirs) - 1:,} of its {len(theirs) - 1:,} words are among the {len(ours) - 1:,} here"
        raise TrainingError(folder, f"has another vocabulary ({counts}); give the captions and --least of its training")
    read_header(folder, TEXT_DESCRIBER).check_requirement(BACKBONE_FOLDER, backbone)
    return parts


def describer_start(config: DescribeTrainConfig, pieces: Pieces, space: str) -> DescriberParts:
    """The parts of the describer that is trained further.

    Args:
        config: of the run.
        pieces: its vocabulary.
        space: fingerprint of its speech space.

    Raises:
        ModelFolderError: it cannot be read, or was trained on another space.
        ConfigError: it is of another kind than is asked for, or sees more than can be retrieved.
        TrainingError: it has other pieces.
    """
    folder = _folder(config)
    parts = read_describer(folder)
    _check_kind(config, parts.network)
    ours, theirs = pieces.arrays, parts.pieces.arrays
    if not all(np.array_equal(ours[name], theirs[name]) for name in ours):
        counts = f"{len(parts.pieces):,} pieces, here are {len(pieces):,} others"
        raise TrainingError(folder, f"has another vocabulary ({counts}); give --units and --pieces of its training")
    read_header(folder, DESCRIBER).check_requirement(SPACE, space)
    sees = parts.network.config.retrieved
    if config.retrieved not in (None, sees):
        raise ConfigError("--retrieved", f"is {sees} of --init-from {folder}, got {config.retrieved}")
    if sees > config.candidates:
        raise ConfigError("--candidates", f"must be at least the {sees} of --init-from, got {config.candidates}")
    return parts


def check_fit(config: CaptionerOptions, network: Captioner, examples: Examples) -> None:
    """Refuses a captioner that was made for other places of images, or for shorter descriptions.

    Args:
        config: of the run.
        network: that it starts from.
        examples: of the run.

    Raises:
        ConfigError, TrainingError: it does not fit.
    """
    sizes, places = network.config, examples.places
    if (sizes.regions, sizes.image_features) != (places.regions, places.features):
        theirs, ours = f"{sizes.regions} of {sizes.image_features}", f"{places.regions} of {places.features}"
        raise ConfigError("--regions", f"must be as of --init-from, {theirs} features, got {ours}")
    if examples.longest > sizes.longest:
        reason = f"was made for descriptions of {sizes.longest} tokens, here are some of {examples.longest}"
        raise TrainingError(_folder(config), f"{reason}; give the descriptions of its training")


def _folder(config: CaptionerOptions) -> Path:
    assert config.init_from is not None
    return config.init_from


def _check_kind(config: CaptionerOptions, network: Captioner) -> None:
    kind = network.config.kind
    if config.kind not in (kind, CaptionerOptions.kind):
        raise ConfigError("--kind", f"is {kind} of --init-from {config.init_from}, got {config.kind}")
