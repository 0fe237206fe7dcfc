"""Every option of `python -m train wavenet-vq`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from avnet.correspondence.config import PresetName
from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from avnet.units.wavenet_vq.config import FRAMES_PER_CODE, DecoderKind, WaveNetVQConfig
from train.engine.options import RunOptions


@dataclass(frozen=True)
class WaveNetVQTrainConfig(RunOptions):
    """Learn speech units from which a network must say the speech again (WaveNet-VQ), without any text.

    An encoder hears cepstra, a quantizer keeps one of some codes every 20 ms, and a decoder says the recording again
    from them. Every tenth recording is held out for validation. Where the corpus knows its speakers, the decoder is
    told them.

    Example: python -m train wavenet-vq recordings --out runs/units
    """

    recordings: Annotated[Path, tyro.conf.Positional]
    """Spoken corpus, or any folder, which is searched for sound and video files."""
    out: Path
    """Folder of the run; the same command again resumes it. The units are written to OUT/model."""
    decoder: DecoderKind = "frames"
    """What says the recording again: frames, spectra every 10 ms where the pitch is told; or wavenet, sample by sample
    as published, for which a CPU takes days."""
    preset: PresetName = "small"
    """Sizes of the network: small for a CPU, or paper as published."""
    codes: int = 256
    """Number of units, 4096 at most."""
    place_after: int = 300
    """Number of steps without codes, after which they are placed by k-means."""
    units_a_second: float = 15.0
    """Number of units a second of speech; the cost of a change of unit that gives about as many is kept with the units.
    0 lets changes cost nothing."""
    crop_s: float = 0.64
    """Length of the training crops of speech, in seconds; rounded to 20 ms."""
    max_recordings: int = 2_000
    """Maximum number of recordings that are learned from, drawn at random; 0 takes all."""
    validation_recordings: int = 64
    """Maximum number of held-out recordings that are said again."""
    steps: int = field(default=3000, kw_only=True)
    batch_size: int = field(default=32, kw_only=True)
    learning_rate: float = field(default=1e-3, kw_only=True)
    validate_every: int = field(default=300, kw_only=True)
    checkpoint_every: int = field(default=300, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 0, "max_recordings", "place_after")
        check_at_least(self, 1, "validation_recordings")
        if not 2 <= self.codes <= 4096:
            raise ConfigError("--codes", f"must be from 2 to 4096, got {self.codes}")
        if self.place_after >= self.steps:
            raise ConfigError("--place-after", f"must be less than --steps {self.steps}, got {self.place_after}")
        if not 0 <= self.units_a_second <= 50:
            raise ConfigError("--units-a-second", f"must be from 0 to 50, got {self.units_a_second:g}")
        if not 0.1 <= self.crop_s <= 30:
            raise ConfigError("--crop-s", f"must be from 0.1 to 30 seconds, got {self.crop_s}")
        if self.learning_rate >= 1:
            raise ConfigError("--learning-rate", f"must be less than 1, got {self.learning_rate}")

    @property
    def frames(self) -> int:
        """Number of frames of 10 ms in a crop."""
        return FRAMES_PER_CODE * round(100 * self.crop_s / FRAMES_PER_CODE)

    def sizes(self, speakers: int) -> WaveNetVQConfig:
        """Those of the network."""
        make = WaveNetVQConfig.small if self.preset == "small" else WaveNetVQConfig.published
        return make(self.codes, speakers, self.decoder)
