"""The options of the demos."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.program.bounds import check_at_least
from avnet.zoo.reference import BASE


@dataclass(frozen=True)
class MaterialOptions:
    """What both demos are made of."""

    stamps: Path | None = None
    """Folder of the Tux Paint stamps. Default: that of the Debian package, which is downloaded if it is not installed;
    if that fails, drawn shapes replace them."""
    classes: int = 20
    """Number of classes of objects that sound."""
    seed: int = 0
    """Seed of everything random."""

    def __post_init__(self):
        check_at_least(self, 2, "classes")
        check_at_least(self, 0, "seed")


@dataclass(frozen=True)
class DemoConfig(MaterialOptions):
    """Localize, search and describe with the model that comes with avnet, and adapt it, all on one page.

    Composes videos from free material, measures the model on them, adapts it to them and measures it again.

    Example: python -m train demo --out demo
    """

    out: Path = Path("demo")
    """Folder for everything, with the page report.html; the same command again continues an interrupted run."""
    model: Annotated[str | Path, tyro.conf.arg(metavar="MODEL")] = BASE
    """Joint network to begin with: a folder, a name, or hf://user/model."""
    clips: int = 400
    """Number of videos to compose, of 2 s each."""
    steps: int = 75
    """Number of training steps of the adaptation."""

    def __post_init__(self):
        super().__post_init__()
        # A quarter is measured on, of which some are silent.
        check_at_least(self, 20, "clips")
        check_at_least(self, 1, "steps")


@dataclass(frozen=True)
class ScratchDemoConfig(MaterialOptions):
    """Compose videos, train on them from nothing, measure, localize, search and describe, all on one page.

    Example: python -m train demo-scratch --out demo-scratch
    """

    out: Path = Path("demo-scratch")
    """Folder for everything, with the page report.html; the same command again continues an interrupted run."""
    clips: int = 1600
    """Number of videos to compose, of 2 s each."""
    ave_steps: int = 1300
    """Number of training steps of AVE-Net."""
    avol_steps: int = 450
    """Number of training steps of AVOL-Net, which starts from AVE-Net."""
    describer_steps: int = 300
    """Number of training steps of the describer, which speaks French; 0 leaves it out, as do stamps without French
    recordings."""

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 0, "describer_steps")
