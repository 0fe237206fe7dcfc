"""The options of the programs that compose clips."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least, check_fractions
from avnet.workers.cores import available_cores
from data.splits import FRACTIONS


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """What a composed clip is like."""

    seed: int = 0
    """Seed of all random draws."""
    width: int = 256
    """Width of the clips in pixels; must be even."""
    height: int = 256
    """Height of the clips in pixels; must be even."""
    fps: float = 25.0
    """Frames per second."""
    duration_s: float = 4.0
    """Length of a clip in seconds."""
    distractors: tuple[int, int] = (1, 2)
    """Least and greatest number of silent objects of other classes in a clip; with 0 0 an opaque photo fills the
    frame."""
    off_screen: float = 0.05
    """Share of clips whose sound comes from nothing in the image."""
    silence: float = 0.03
    """Share of clips without sound."""

    def __post_init__(self):
        sides = (self.width, self.height)
        # Even, since yuv420p has one sample of colour for 2x2 pixels.
        if min(sides) < 32 or max(sides) > 4096 or self.width % 2 or self.height % 2:
            raise ConfigError(
                "--width, --height", f"must be even and from 32 to 4096, got {self.width} and {self.height}"
            )
        if not 1 <= self.fps <= 240:
            raise ConfigError("--fps", f"must be from 1 to 240, got {self.fps:g}")
        if not 0.2 <= self.duration_s <= 3600:
            raise ConfigError("--duration-s", f"must be from 0.2 to 3600, got {self.duration_s:g}")
        low, high = self.distractors
        if not 0 <= low <= high <= 8:
            raise ConfigError("--distractors", f"must be two numbers from 0 to 8 in order, got {low} {high}")
        if min(self.off_screen, self.silence) < 0 or self.off_screen + self.silence > 1:
            raise ConfigError(
                "--off-screen, --silence",
                f"must be shares that add up to at most 1, got {self.off_screen:g} and {self.silence:g}",
            )
        check_at_least(self, 0, "seed")

    @property
    def frames(self) -> int:
        """Number of frames in a clip."""
        return max(2, round(self.duration_s * self.fps))


@dataclass(frozen=True, kw_only=True)
class ComposeOptions(ClipConfig):
    """What all programs that compose clips have in common."""

    out: Path
    """Folder for the clips; an interrupted run continues when the same command is run again."""
    clips: int = 1000
    """Number of clips in all splits together."""
    fractions: tuple[float, float, float] = FRACTIONS
    """Shares of the clips in train, validation and test."""
    holdout: tuple[float, float] = (0.0, 0.0)
    """Shares of the images and sounds of each class that only validation and only test use; with 0 0 all splits use
    all of them."""
    backgrounds: Path | None = None
    """Folder of background photos; by default backgrounds are drawn."""
    workers: int = field(default_factory=available_cores)
    """Number of processes."""

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 1, "clips", "workers")
        check_fractions(self.fractions)
        if min(self.holdout) < 0 or sum(self.holdout) >= 1:
            raise ConfigError("--holdout", f"must be two shares that add up to less than 1, got {self.holdout}")

    def split_sizes(self) -> dict[str, int]:
        """Number of clips in each split."""
        validation, test = (round(self.clips * share) for share in self.fractions[1:])
        return {"train": self.clips - validation - test, "validation": validation, "test": test}


@dataclass(frozen=True, kw_only=True)
class ComposeConfig(ComposeOptions):
    """Compose videos with known ground truth from your own images and sounds.

    The source holds one folder per class. Images lie in CLASS/photos or CLASS/images and sounds in CLASS/sounds, or
    both directly in CLASS. Images with transparency are cut-outs, which move in front of a background.

    Example: python -m data compose things --out composed --clips 2000
    """

    source: Annotated[Path, tyro.conf.Positional]
    """Folder with one folder of images and sounds per class."""


@dataclass(frozen=True, kw_only=True)
class StampsConfig(ComposeOptions):
    """Compose videos with known ground truth from the Tux Paint stamps, or from drawn shapes without them.

    Example: python -m data stamps --out composed --clips 2000
    """

    stamps: Path | None = None
    """Folder of the stamps; by default that of the installed Debian package, which is fetched if it is missing."""
    classes: int = 30
    """Number of stamps to use; those whose sounds differ most are chosen."""

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 2, "classes")
        if max(self.holdout) > 0:
            raise ConfigError("--holdout", "must be 0 0 with stamps: every class has one image and one sound")
