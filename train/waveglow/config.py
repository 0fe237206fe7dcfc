"""Every option of `python -m train waveglow`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from train.engine.options import RunOptions


@dataclass(frozen=True)
class WaveGlowTrainConfig(RunOptions):
    """Train WaveGlow, which turns mel spectra into speech, from recordings.

    The network is a flow: it learns how likely every sample of a recording is, given the spectrum, and in use goes the
    other way, from noise to samples. No text and no units are read. Every tenth recording is held out for validation.

    Example: python -m train waveglow recordings --out runs/waveglow
    """

    recordings: Annotated[Path, tyro.conf.Positional]
    """Spoken corpus, or any folder, which is searched for sound and video files."""
    out: Path
    """Folder of the run; the same command again resumes it. The network is written to OUT/model."""
    preset: Literal["small", "published"] = "small"
    """Sizes of the network: small for a CPU, or published with 88 million parameters."""
    crop_s: float = 0.64
    """Length of the training crops of speech, in seconds; rounded to 10 ms. Shorter recordings are left out."""
    sigma: float = 1.0
    """Standard deviation of the noise that speech is taken to be made of, in training."""
    max_recordings: int = 2_000
    """Maximum number of recordings that are learned from, drawn at random; 0 takes all."""
    validation_recordings: int = 8
    """Maximum number of held-out recordings that are synthesized from their spectra for validation."""
    steps: int = field(default=4000, kw_only=True)
    batch_size: int = field(default=8, kw_only=True)
    learning_rate: float = field(default=1e-3, kw_only=True)
    validate_every: int = field(default=400, kw_only=True)
    checkpoint_every: int = field(default=400, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 0, "max_recordings")
        check_at_least(self, 1, "validation_recordings")
        if not 0.05 <= self.crop_s <= 30:
            raise ConfigError("--crop-s", f"must be from 0.05 to 30 seconds, got {self.crop_s}")
        if not 0.01 <= self.sigma <= 10:
            raise ConfigError("--sigma", f"must be from 0.01 to 10, got {self.sigma}")
        if self.learning_rate >= 1:
            raise ConfigError("--learning-rate", f"must be less than 1, got {self.learning_rate}")

    @property
    def frames(self) -> int:
        """Number of frames of 10 ms in a crop."""
        return round(100 * self.crop_s)
