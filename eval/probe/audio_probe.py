"""A linear probe of vectors of sounds: ESC-50 in its five folds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from avnet.errors import DataError, MediaError
from avnet.media import read_waveform
from avnet.program.progress import progress
from eval import report
from eval.probe.classifier import STRENGTHS, FoldResult, Recordings, probe
from eval.probe.config import AudioProbeConfig
from eval.probe.sounds import SoundSide, open_sound_side
from eval.readers.lists.esc50 import read_esc50
from eval.readers.lists.listing import Listing, find_clips

# Arandjelovic and Zisserman, "Look, Listen and Learn", 2017, table 2.
L3_NET = 0.793
# The strength is chosen among the folds that are learned from, each left out in turn.
LEAST_FOLDS = 3


def audio_probe(config: AudioProbeConfig) -> None:
    """Runs the whole command.

    Raises:
        ConfigError: the model has no such layer.
        DataError: the recordings cannot be used.
        ModelFolderError: the model cannot be read.
    """
    clips = read_esc50(config.recordings, esc10=config.subset == "esc10")
    listing = find_clips(clips, config.recordings)
    side = open_sound_side(config.model, config.layer)
    folder = report.output_folder(config.model, config.out)
    recordings, unreadable = embed(side, listing, config)
    check(recordings, config)
    folds = probe(recordings, config.seed)
    left_out = {"missing": [clip.name for clip in listing.missing], "unreadable": unreadable}
    results = summarize(folds)
    print_folds(results, f"Linear probe, {len(recordings.labels)} recordings of {len(results['classes'])} classes")
    report.print_left_out(left_out)
    names = ("recordings", "subset", "layer", "examples", "seed")
    settings = {name: getattr(config, name) for name in names} | {"strengths": STRENGTHS}
    facts = report.model_facts(config.model, side.artifact)
    report.write_report(folder / "audio-probe.json", config.seed, facts, settings, results, left_out)


def embed(side: SoundSide, listing: Listing, config: AudioProbeConfig) -> tuple[Recordings, list[str]]:
    """The vectors of all recordings, and which cannot be read, each with the reason; progress goes to stderr."""
    vectors, labels, folds, unreadable = [], [], [], []
    for clip, file in progress(listing.files, "embedding", len(listing.files), "recordings"):
        try:
            crops = side.embed(read_waveform(file, side.sample_rate))
        except MediaError as error:
            unreadable.append(f"{clip.name}: {error.reason}")
            continue
        vectors.append(crops if config.examples == "crops" else crops.mean(axis=0, keepdims=True))
        labels.append(clip.labels[0])
        folds.append(clip.split)
    return Recordings(vectors, np.array(labels), np.array(folds)), unreadable


def check(recordings: Recordings, config: AudioProbeConfig) -> None:
    """Refuses recordings from which nothing can be learned and chosen.

    Raises:
        DataError: there are fewer than three folds, or fewer than two classes in some of them.
    """
    folds = np.unique(recordings.folds)
    if len(folds) < LEAST_FOLDS:
        raise DataError(config.recordings, f"has recordings of {len(folds)} folds; at least {LEAST_FOLDS} are needed")
    for fold in folds:
        if len(np.unique(recordings.labels[recordings.folds == fold])) < 2:
            raise DataError(config.recordings, f"has a single class in fold {fold}; two are needed to tell them apart")


def summarize(folds: Sequence[FoldResult]) -> dict[str, Any]:
    """The figures of all folds; shares in [0, 1]."""
    accuracies = np.array([fold.accuracy for fold in folds])
    labels = np.concatenate([fold.labels for fold in folds])
    right = np.concatenate([fold.answers == fold.labels for fold in folds])
    classes = np.unique(labels)
    return {
        "folds": {
            fold.fold: {
                "recordings": len(fold.labels),
                "accuracy": fold.accuracy,
                "majority": fold.majority_accuracy,
                "strength": fold.strength,
            }
            for fold in folds
        },
        "mean": accuracies.mean(),
        # Of the folds themselves, not of a larger population that they were drawn from.
        "standard deviation": accuracies.std(),
        "majority": np.mean([fold.majority_accuracy for fold in folds]),
        "chance": 1 / len(classes),
        "L3-Net on ESC-50, as published": L3_NET,
        "classes": {
            str(name): {"recordings": int((labels == name).sum()), "accuracy": right[labels == name].mean()}
            for name in classes
        },
    }


def print_folds(results: dict[str, Any], title: str) -> None:
    """Prints a row for each fold, then the mean and what stands beside it."""
    rows = [(f"fold {name}, {fold['recordings']}", [fold["accuracy"]]) for name, fold in results["folds"].items()]
    beside = ("mean", "standard deviation", "majority", "chance", "L3-Net on ESC-50, as published")
    rows += [(name, [results[name]]) for name in beside]
    report.print_table(f"{title} (%)", ["accuracy"], rows)
