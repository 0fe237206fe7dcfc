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
    """Folder for everything, with the page report.html; the same command again continues an interrupted run."""
    stamps: Path | None = None
    """Folder of the Tux Paint stamps. Default: that of the Debian package, which is downloaded if it is not installed;
    if that fails, drawn shapes replace them."""
    classes: int = 20
    """Number of classes of objects that sound."""
    clips: int = 1600
    """Number of videos to compose, of 2 s each."""
    ave_steps: int = 1300
    """Number of training steps of AVE-Net."""
    avol_steps: int = 450
    """Number of training steps of AVOL-Net, which starts from AVE-Net."""
    describer_steps: int = 300
    """Number of training steps of the describer, which speaks French; 0 leaves it out, as do stamps without French
    recordings."""
    seed: int = 0
    """Seed of everything random."""

    def __post_init__(self):
        check_at_least(self, 0, "describer_steps", "seed")
