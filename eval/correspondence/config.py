"""The options of the programs that measure correspondence."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.program.bounds import check_at_least
from data.splits import SplitName


@dataclass(frozen=True)
class AvcConfig:
    """Measure how well a model tells matching pairs of image and sound from mismatched ones.

    Half of the pairs match. Negatives are snapped to the frame grid as in training, so that traces of compression do
    not give them away. The table also shows chance and the constant answer that every pair matches.

    Example: python -m eval avc runs/ave/model --data corpus
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Model folder."""
    data: Path
    """Folder of records that `python -m data prepare` wrote."""
    split: SplitName = "test"
    """Split to measure on."""
    out: Path | None = None
    """Folder for avc.json and avc.png; by default `eval` in the model folder."""
    seed: int = 0
    """Seed with which negatives are drawn."""

    def __post_init__(self):
        check_at_least(self, 0, "seed")


@dataclass(frozen=True, kw_only=True)
class ShortcutConfig:
    """Compare two models, trained with and without snapping the sound of negatives to the frame grid.

    Each model is measured on pairs whose negatives are snapped, on pairs whose negatives are not, and by retrieval
    across image and sound. A model that has learned the shortcut scores higher on unsnapped pairs and lower in
    retrieval.

    Example: python -m eval shortcut --snapped runs/ave/model --unsnapped runs/unsnapped/model --data corpus
    """

    snapped: Path
    """Model folder, trained as usual."""
    unsnapped: Path
    """Model folder, trained with --no-snap-negatives."""
    data: Path
    """Folder of records that `python -m data prepare` wrote."""
    split: SplitName = "test"
    """Split to measure on."""
    labels_from: Path | None = None
    """Labels of the videos, for retrieval by class: labels.json, a table with the columns file and label, or the list
    of a dataset that `python -m eval dataset` reads. Without labels only the video itself is a right answer."""
    out: Path | None = None
    """Folder for shortcut.json and shortcut.png; by default `eval` in the folder of --snapped."""
    seed: int = 0
    """Seed with which negatives are drawn."""

    def __post_init__(self):
        check_at_least(self, 0, "seed")


@dataclass(frozen=True)
class GroupsConfig:
    """List the groups that join classes of images with classes of sounds, and the classes that are in none.

    Images have ImageNet's 1,000 classes, sounds AudioSet's 521. Where the sound of a video is of a class without a
    group, zero-shot localization has nothing to point at.

    Example: python -m eval groups
    """
