"""Every option of `python -m train cluster-gen`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.program.bounds import check_at_least


@dataclass(frozen=True)
class ClusterGenConfig:
    """Learn a voice of trees, which says speech units, from recordings of one speaker.

    Each unit gets some random trees that predict pitch, voicing and spectrum of every 5 ms from the units around it
    (ClusterGen); pulses and noise, sent through filters, make speech of them. It takes minutes, and no text is read.
    Every tenth recording is held out; prints how near these are said again, beside the mean of each unit.

    Example: python -m train cluster-gen recordings --units units --out voice
    """

    recordings: Annotated[Path, tyro.conf.Positional]
    """Spoken corpus, or any folder, which is searched for sound and video files."""
    units: Path
    """Folder of `python -m train units`, or a space with grounded units."""
    out: Path
    """Folder for the voice; an earlier voice there is replaced."""
    max_recordings: int = 2_000
    """Maximum number of recordings that are learned from, drawn at random; 0 takes all."""
    trees: int = 4
    """Number of random trees of each unit, whose answers are averaged."""
    leaf: int = 10
    """Minimum number of frames of 5 ms in a leaf; more where the voice would have more than `--leaves`."""
    leaves: int = 70_000
    """Maximum number of leaves, of trees that predict the filter; 50,000 make about 8 MB with `--bits 8`."""
    bits: Literal[8, 16] = 8
    """Number of bits for each number of a leaf; 16 double the size of a voice."""
    seed: int = 0
    """Seed of the trees and of the choice of recordings."""

    def __post_init__(self):
        check_at_least(self, 0, "max_recordings", "seed")
        check_at_least(self, 1, "trees", "leaf", "leaves")
