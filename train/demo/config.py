"""The options of the demo."""

from dataclasses import dataclass
from pathlib import Path

from avnet.program.bounds import check_at_least


@dataclass(frozen=True)
class DemoConfig:
    """Compose videos, train on them, measure, localize, search and describe, and report it all on one page.

    Example: python -m train demo --out demo
    """

    out: Path = Path("demo")
    """Folder for everything, with report.html; an interrupted run continues when the same command is run again."""
    stamps: Path | None = None
    """Folder of the Tux Paint stamps; by default that of the Debian package, which is fetched if it is not installed;
    where it cannot be had, drawn shapes take their place."""
    classes: int = 20
    """Number of classes of objects that sound."""
    clips: int = 1600
    """Number of videos to compose."""
    ave_steps: int = 1300
    """Training steps of AVE-Net."""
    avol_steps: int = 450
    """Training steps of AVOL-Net, which starts from AVE-Net."""
    describer_steps: int = 300
    """Training steps of the describer, which speaks French; 0 leaves it out, as it is with stamps without French."""
    seed: int = 0
    """Seed of all that is drawn at random."""

    def __post_init__(self):
        check_at_least(self, 0, "describer_steps", "seed")
