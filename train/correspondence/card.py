"""The model card that is written with every model."""

from pathlib import Path

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.kinds import KINDS
from data.corpus.corpus import read_manifest
from data.records.records import split_sizes
from train.correspondence.config import TrainConfig


def model_card(config: TrainConfig, model: ModelConfig, best: dict[str, float], validation_pairs: int) -> str:
    """Markdown: what it is, what it saw, how well it does, what it cannot do."""
    sizes = split_sizes(config.data)
    # Only what was trained on: other splits and rejected videos are left out.
    rows = [row for row in read_manifest(config.data) if row.split == "train" and row.records]
    minutes = sum(row.seconds for row in rows) / 60
    towers = config.preset
    if model.vision and model.audio:
        towers = f"on {model.vision.network} and {model.audio.network}"
        towers += f", mean of {model.frames} frames" if model.pools_frames else ""
    snapping = ""
    if config.loss == "correspondence":
        snapping = f" Negatives {'snapped' if config.snap_negatives else 'NOT snapped'} to the frame grid."
    knowledge = "Knows only the kinds of sights and sounds in its training videos"
    if model.kind.named:
        knowledge = "Knows what its two classifiers have names for, and the kinds of sights and sounds in its videos"
    return f"""---
library_name: avnet
license: apache-2.0
tags: [audio-visual, self-supervised, {config.network}]
---
# {model.title} ({towers})

{KINDS[config.network].purpose}

## Data
Trained on {len(rows)} unlabelled videos ({minutes:.1f} minutes, {sizes.get("train", 0)} segments). No label was read.

## Training
Loss {config.loss}, {config.steps} steps of {config.batch_size} pairs, learning rate {config.learning_rate:g} \
({config.schedule}), seed {config.seed}.{snapping} All options are in `run.json` of the run.

## Metrics
On a fixed list of {validation_pairs} validation segments, which also chose this state (step {best["step"]:.0f}) and set
the two numbers that calibrate its probabilities:

| metric | value | chance |
|---|---|---|
| correspondence accuracy (AVC) | {best["avc"]:.3f} | 0.500 |
| AUC, matching against mismatched pairs | {best["auc"]:.3f} | 0.500 |
| image to its own sound, recall at 1 | {best["recall_at_1"]:.3f} | {1 / validation_pairs:.3f} |

Run `python -m eval` for figures on the test split.

## Limits
{knowledge}, and scores are calibrated for these alone. Takes
{model.clip_s:g} s of sound at a time. What sounds and what is usually seen with it are not told apart (a goal and its
crowd).
"""


def zero_shot_card(model: ModelConfig, calibrated_on: str) -> str:
    """Markdown for two classifiers that are joined by the names of their classes."""
    assert model.vision and model.audio
    frames = f" Of a moment the mean of {model.frames} frames is seen." if model.pools_frames else ""
    return f"""---
library_name: avnet
tags: [audio-visual, {model.network}]
---
# {model.title}: {model.vision.network} and {model.audio.network}

{KINDS[model.network].purpose}

## Data and training
None of its own: the classes of a classifier of images ({model.vision.network}) and those of a classifier of sounds
({model.audio.network}) are joined by a table of names, `avnet/names/groups.json`. Probabilities are calibrated on
{calibrated_on}.{frames}

## Limits
Points only at what both classifiers have a class for; `python -m eval groups` lists the classes that are in no group.
Of persons it knows what they wear and hold. Two things of one group are not told apart: of two dogs, which one barks.
"""


def imported_card(model: ModelConfig, source: Path, like: str | None = None) -> str:
    """Markdown for a model that was trained elsewhere, of which only the weights are known.

    Args:
        model: what it is.
        source: file of the weights.
        like: model that told what it is, with its SHA-256.
    """
    told = "" if like is None else f" What weights do not tell is that of {like!a}."
    return f"""---
library_name: avnet
tags: [audio-visual, {model.network}]
---
# {model.title} (imported)

{KINDS[model.network].purpose}

## Data and training
Not known: the weights were imported from {source.name!a}.{told}

## Metrics
Not measured: run `python -m eval`.

## Limits
Its images and spectrograms are taken to be those that
`artifact.json` names. Padding other than that of `avnet` changes its
answers. Its probabilities are calibrated as they were.
"""
