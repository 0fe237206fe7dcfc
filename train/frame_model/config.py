"""Every option of `python -m train voice`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from avnet.synthesizers.frame_model.parameters import Parameters
from train.engine.options import RunOptions


@dataclass(frozen=True)
class VoiceTrainConfig(RunOptions):
    """Train a voice without a corpus beside it, which says speech units, from recordings of one speaker.

    A network predicts pitch, voicing and spectrum of every 5 ms from units and their durations; pulses and noise, sent
    through filters, make speech of them. No text is read. Every tenth recording is held out for validation.

    Example: python -m train voice recordings --units units --out runs/voice
    """

    recordings: Annotated[Path, tyro.conf.Positional]
    """Spoken corpus, or any folder, which is searched for sound and video files."""
    units: Path
    """Folder of `python -m train units`, or a space with grounded units."""
    out: Path
    """Folder of the run; the same command again resumes it. The voice is written to OUT/model."""
    parameters: Parameters = "source-filter"
    """What is predicted of each frame: pitch, voicing, mel-cepstra and bands of noise every 5 ms, or mel, spectra every
    10 ms of which Griffin-Lim makes speech."""
    max_recordings: int = 2_000
    """Maximum number of recordings that are learned from, drawn at random; 0 takes all."""
    width: int = 256
    """Features of a unit and of a frame."""
    validation_recordings: int = 64
    """Maximum number of held-out recordings that are compared."""
    steps: int = field(default=4000, kw_only=True)
    batch_size: int = field(default=16, kw_only=True)
    learning_rate: float = field(default=1e-3, kw_only=True)
    validate_every: int = field(default=400, kw_only=True)
    checkpoint_every: int = field(default=400, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 0, "max_recordings")
        check_at_least(self, 1, "validation_recordings", "width")
        if self.learning_rate >= 1:
            raise ConfigError("--learning-rate", f"must be less than 1, got {self.learning_rate}")
