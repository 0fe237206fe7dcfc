"""The options of the program that learns speech units."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least


@dataclass(frozen=True)
class UnitsConfig:
    """Learn speech units from recordings, without any text.

    Also learns a lexicon of pieces, strings of units that occur often; recordings are then encoded as pieces, which
    makes their strings vary less. Writes the units and a plot, units.png, and prints how the units segment held-out
    recordings.

    Example: python -m train units recordings --out units
    """

    recordings: Annotated[Path, tyro.conf.Positional]
    """Spoken corpus, or any folder, which is searched for sound and video files."""
    out: Path
    """Folder for the units; earlier units there are replaced."""
    count: int = 500
    """Number of units."""
    penalty: float = 20.0
    """Cost of a change of unit, as squared distance between scaled MFCC; a higher cost gives fewer, longer units."""
    pieces: int = 4000
    """Maximum number of pieces in the lexicon; 0 learns units without a lexicon."""
    weight: float = 4.0
    """Cost of rare pieces, as squared distance per nat of surprise; a higher cost prefers common pieces."""
    seed: int = 0
    """Seed of k-means and of the choice of recordings."""

    def __post_init__(self):
        if not 2 <= self.count <= 65_536:
            raise ConfigError("--count", f"must be from 2 to 65536, got {self.count}")
        if not 0 <= self.penalty <= 1e6:
            raise ConfigError("--penalty", f"must be from 0 to 1000000, got {self.penalty:g}")
        if not (self.pieces == 0 or self.count <= self.pieces <= 65_536):
            raise ConfigError("--pieces", f"must be 0, or from --count {self.count} to 65536, got {self.pieces}")
        if not 0 <= self.weight <= 1e6:
            raise ConfigError("--weight", f"must be from 0 to 1000000, got {self.weight:g}")
        check_at_least(self, 0, "seed")
