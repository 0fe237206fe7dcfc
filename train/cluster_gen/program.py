"""`python -m train cluster-gen`: a voice of trees that says speech units, learned from recordings alone."""

from collections.abc import Sequence

import numpy as np

from avnet.errors import TrainingError
from avnet.files.artifact import check_place
from avnet.files.kinds import CLUSTER_GEN
from avnet.synthesizers.cluster_gen.context import RATE
from avnet.synthesizers.cluster_gen.voice import ClusterVoice
from avnet.synthesizers.source_filter.columns import COLUMNS
from avnet.units.registry import read_any_units
from eval.spoken.parameters import parameter_errors
from train.cluster_gen.config import ClusterGenConfig
from train.cluster_gen.trees import learn_clusters
from train.frame_model.batches import Example, examples_of
from train.units.program import HELD_OUT, recordings_of
from train.units.strings import strings_of


def cluster_gen(config: ClusterGenConfig) -> dict[str, dict[str, float]]:
    """Runs the whole command.

    Returns:
        What it prints; see `assess`.

    Raises:
        DataError: there are fewer than two recordings that can be read.
        ModelFolderError: the units cannot be read, or something else lies where the voice is to be written.
        TrainingError: there is too little speech, or none with a pitch.
    """
    check_place(config.out, CLUSTER_GEN)
    units = read_any_units(config.units)
    waveforms = recordings_of(config.recordings, config.seed, config.max_recordings or None)
    strings = strings_of(units, waveforms)
    examples = examples_of(waveforms, strings, units.frames_per_step, "source-filter")
    voice, figures = learn_voice(config, examples, units.count)
    recordings = len(examples) - len(examples[::HELD_OUT])
    voice.save(config.out, units.fingerprint, card(config, recordings, figures))
    print_figures(figures)
    size = sum(array.nbytes for array in voice.clusters.arrays.values())
    print(f"voice: {config.out} ({len(voice.clusters.filter.mean):,} leaves, {size / 1e6:.1f} MB)")
    return figures


def learn_voice(
    config: ClusterGenConfig, examples: Sequence[Example], count: int
) -> tuple[ClusterVoice, dict[str, dict[str, float]]]:
    """A voice, and how near it says the recordings that are held out.

    Args:
        config: the run; its folders are not read.
        examples: recordings with what their frames hold.
        count: of units there are.

    Raises:
        TrainingError: there is too little speech.
    """
    training = [one for i, one in enumerate(examples) if i % HELD_OUT]
    if not training:
        raise TrainingError("recordings", f"must be at least two with speech, got {len(examples)}")
    clusters = learn_clusters(training, count, config.trees, config.leaf, config.seed, config.leaves)
    voice = ClusterVoice(clusters.in_steps() if config.bits == 8 else clusters)
    # Every so many, so that all parts of a sorted collection are held out alike.
    return voice, assess(voice, training, examples[::HELD_OUT], count)


def assess(
    voice: ClusterVoice, training: Sequence[Example], held_out: Sequence[Example], count: int
) -> dict[str, dict[str, float]]:
    """How near held-out recordings are said with their own durations, beside the mean frame of each unit.

    Args:
        voice: of all units of the training recordings.
        training: from which the means are taken.
        held_out: recordings; units of theirs that training lacks are left out.
        count: of units there are.

    Raises:
        TrainingError: training lacks all of them.

    Returns:
        By "trees" and "mean of the unit": mel_cepstral_distortion in dB, f0_rmse_cents, voicing_error, and
        duration_error, mean factor by which a unit's duration is wrong, less 1.
    """
    means = unit_means(training, count)
    frames = np.concatenate([one.string.durations for one in training]).astype(float)
    numbers = np.concatenate([one.string.units for one in training])
    occurrences = np.maximum(np.bincount(numbers, minlength=count), 1)
    lengths = np.maximum(np.bincount(numbers, frames, count) / occurrences, 1.0)
    rows: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"trees": [], "mean of the unit": []}
    true = []
    for one in held_out:
        known = np.isin(one.string.units, voice.clusters.vocabulary)
        units, durations = one.string.units[known], one.string.durations[known]
        owner = np.repeat(units, RATE * durations)
        true.append((one.columns[np.repeat(known, RATE * one.string.durations)], durations))
        rows["trees"].append((voice.frames(units, durations), voice.durations(units)))
        rows["mean of the unit"].append((means[owner], lengths[units]))
    if not sum(len(durations) for _, durations in true):
        raise TrainingError("recordings", "that are held out have no unit of the others")
    figures = {}
    for name, said in rows.items():
        factors = [np.abs(np.log(mine / own)) for (_, mine), (_, own) in zip(said, true, strict=True)]
        # As logarithms, twice as long and half as long are equally wrong.
        wrong = float(np.exp(np.concatenate(factors).mean()) - 1)
        errors = parameter_errors([columns for columns, _ in said], [columns for columns, _ in true])
        figures[name] = {**errors, "duration_error": wrong}
    return figures


def unit_means(examples: Sequence[Example], count: int) -> np.ndarray:
    """What the frames of each unit hold on average, [count, 32]; log F0 where there is voice."""
    columns = np.concatenate([one.columns for one in examples])
    owner = np.concatenate([np.repeat(one.string.units, RATE * one.string.durations) for one in examples])
    voiced = columns[:, 1] > 0.5
    means = np.zeros((count, COLUMNS))
    for column in range(COLUMNS):
        rows = voiced if column == 0 else np.ones(len(owner), bool)
        frames = np.bincount(owner[rows], minlength=count)
        total = np.bincount(owner[rows], columns[rows, column], count)
        means[:, column] = np.where(frames > 0, total / np.maximum(frames, 1), columns[rows, column].mean())
    return means


def print_figures(figures: dict[str, dict[str, float]]) -> None:
    """A line for each row."""
    print(f"{'held-out recordings':<20}{'MCD dB':>10}{'F0 cents':>10}{'voicing %':>11}{'duration %':>12}")
    for name, row in figures.items():
        distortion, f0, voicing, duration = row.values()
        print(f"{name:<20}{distortion:>10.2f}{f0:>10.0f}{100 * voicing:>11.2f}{100 * duration:>12.0f}")


def card(config: ClusterGenConfig, recordings: int, figures: dict[str, dict[str, float]]) -> str:
    """For people, Markdown."""
    names = {
        "mel_cepstral_distortion": "mel-cepstral distortion, dB",
        "f0_rmse_cents": "F0, root mean square, cents",
        "voicing_error": "frames voiced in one alone",
        "duration_error": "mean factor of a duration, less 1",
    }
    rows = "\n".join(
        f"| {title} | " + " | ".join(f"{row[name]:.4g}" for row in figures.values()) + " |"
        for name, title in names.items()
    )
    return f"""---
library_name: avnet
---
# Voice of trees

Turns speech units into the voice of one speaker (ClusterGen), without recordings beside it.

## Data
Recordings for training: {recordings}. No text was read.

## Training
{config.trees} random trees of each unit, at least {config.leaf} frames a leaf, seed {config.seed}.

## Metrics
On held-out recordings, with their own durations:

| | {" | ".join(figures)} |
|---|---|---|
{rows}

## Limits
Speaks the units that it was trained on alone, in one voice. What units do not tell, such as stress, is an average.
"""
