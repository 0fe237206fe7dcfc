"""Every option of `python -m train vocoder`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from avnet.correspondence.config import PresetName
from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from train.engine.options import RunOptions

# The longest window of the losses and of the discriminators, 2048 samples at 16 kHz.
SHORTEST_CROP_S = 0.128


@dataclass(frozen=True)
class VocoderTrainConfig(RunOptions):
    """Train a vocoder, which turns speech units into speech, from recordings of one speaker.

    No text is read. Every tenth recording is held out for validation. Also writes OUT/table, with which Griffin-Lim
    synthesizes speech from the same units.

    Example: python -m train vocoder recordings --units units --out runs/voice
    """

    recordings: Annotated[Path, tyro.conf.Positional]
    """Spoken corpus, or any folder, which is searched for sound and video files."""
    units: Path
    """Folder of `python -m train units`, or a space with grounded units."""
    out: Path
    """Folder of the run; the same command again resumes it. The vocoder is written to OUT/model."""
    preset: PresetName = "small"
    """Sizes of the network: small for a CPU, or paper as published."""
    crop_s: float = 0.64
    """Length of the training crops of speech, in seconds; rounded to 10 ms."""
    adversarial: bool = False
    """Also train against a discriminator of spectrograms, for a clearer voice at several times the cost."""
    validation_recordings: int = 32
    """Maximum number of recordings that are resynthesized for validation."""
    steps: int = field(default=4000, kw_only=True)
    batch_size: int = field(default=16, kw_only=True)
    learning_rate: float = field(default=1e-3, kw_only=True)
    validate_every: int = field(default=200, kw_only=True)
    checkpoint_every: int = field(default=200, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 1, "validation_recordings")
        if not SHORTEST_CROP_S <= self.crop_s <= 30:
            raise ConfigError("--crop-s", f"must be from {SHORTEST_CROP_S} to 30 seconds, got {self.crop_s}")
        if self.learning_rate >= 1:
            raise ConfigError("--learning-rate", f"must be less than 1, got {self.learning_rate}")

    @property
    def frames(self) -> int:
        """Number of frames of 10 ms in a stretch."""
        return round(100 * self.crop_s)
