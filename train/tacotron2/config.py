"""Every option of `python -m train tacotron2`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from avnet.correspondence.config import PresetName
from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from train.engine.options import RunOptions


@dataclass(frozen=True)
class Tacotron2TrainConfig(RunOptions):
    """Train a Tacotron 2, a voice that says speech units by attention, from recordings of one speaker.

    Units come with their durations, which teach attention where to look; in use it finds its way alone. Where it fails,
    it says so. No text is read. Every tenth recording is held out for validation, and recordings of more than 8.4
    seconds are left out. `python -m train voice` is the better voice for the same time on a CPU.

    Example: python -m train tacotron2 recordings --units units --out runs/tacotron
    """

    recordings: Annotated[Path, tyro.conf.Positional]
    """Spoken corpus, or any folder, which is searched for sound and video files."""
    units: Path
    """Folder of `python -m train units`, or a space with grounded units."""
    out: Path
    """Folder of the run; the same command again resumes it. The voice is written to OUT/model."""
    preset: PresetName = "small"
    """Sizes of the network: small for a CPU, with two frames a step, or paper as published."""
    max_recordings: int = 0
    """Maximum number of recordings that are learned from, drawn at random; 0 takes all."""
    validation_recordings: int = 32
    """Maximum number of held-out recordings that are said again."""
    steps: int = field(default=2000, kw_only=True)
    batch_size: int = field(default=32, kw_only=True)
    learning_rate: float = field(default=1e-3, kw_only=True)
    validate_every: int = field(default=200, kw_only=True)
    checkpoint_every: int = field(default=200, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 0, "max_recordings")
        check_at_least(self, 1, "validation_recordings")
        if self.learning_rate >= 1:
            raise ConfigError("--learning-rate", f"must be less than 1, got {self.learning_rate}")
