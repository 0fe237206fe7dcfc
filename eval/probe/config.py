"""The options of the program that probes vectors of sounds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.program.bounds import check_at_least

Layer = Literal["embedding", "tower"]
Examples = Literal["recordings", "crops"]


@dataclass(frozen=True)
class AudioProbeConfig:
    """Measure what a linear classifier tells of recordings by the vectors of an audio backbone or of a model.

    The recordings are those of ESC-50, or others with its names of files, in five folds. A linear support vector
    machine learns from four folds and is measured on the fifth, five times. How strongly it is regularized is chosen
    within those four, each left out in turn. Accuracy of each fold, its mean and standard deviation stand beside the
    answer of the most frequent class, chance, and what L3-Net reached on ESC-50.

    Example: python -m eval audio-probe yamnet ESC-50-master --subset esc10
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Folder of an audio backbone, or of a model, whose sound side is measured."""
    recordings: Annotated[Path, tyro.conf.Positional]
    """Folder of ESC-50 (meta/esc50.csv and audio), or of files called FOLD-SOURCE-TAKE-CLASS.wav, at any depth. Without
    CLASS in the name the folder right below this one is the class."""
    subset: Literal["all", "esc10"] = "all"
    """Which classes to measure: all, or the ten of ESC-10."""
    layer: Layer = "embedding"
    """What stands for a sound: the embedding, or what a model's audio tower gives below it. Of the papers' tower this
    is its grid, pooled to at most 6,144 numbers as for L3-Net."""
    examples: Examples = "recordings"
    """What the classifier learns from: a recording by the mean vector of its overlapping crops, or every crop, of whose
    scores the mean decides, as for L3-Net. The latter takes many times longer."""
    out: Path | None = None
    """Folder for audio-probe.json; by default `eval` in the folder of the model."""
    seed: int = 0
    """Seed of the classifier."""

    def __post_init__(self):
        check_at_least(self, 0, "seed")
