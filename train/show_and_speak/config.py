"""Every option of `python -m train show-and-speak`."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Self

import tyro

from avnet.correspondence.config import PresetName
from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from train.engine.options import RunOptions

# Steps of warm-up as published, and their largest share of all.
WARMUP, SHARE = 4000, 5


@dataclass(frozen=True)
class ShowAndSpeakTrainConfig(RunOptions):
    """Train a Show and Speak, a baseline that makes spectra of images without units in between.

    Expect babble; `python -m train describer` is what describes images. The published one learned for 1,100 epochs from
    the captions of Flickr8k in one synthetic voice. No text is read. Recordings of more than 6 seconds are left out.

    Example: python -m train show-and-speak spoken --image backbone --out runs/direct
    """

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data spoken` wrote."""
    image: Path
    """Image tower: a folder of `python -m train imagenet` or `python -m train vit`. It stays as it is."""
    out: Path
    """Folder of the run; the same command again resumes it. The network that is best on validation is written to
    OUT/model."""
    preset: PresetName = "small"
    """Sizes of the network: small for a CPU, or paper as published."""
    regions: str = "grid"
    """What is seen of an image: the cells of the grid of the backbone; windows, means of them over squares that
    overlap; or a file of regions that a detector found (.tsv of bottom-up attention, .npz, .h5, or a folder with one
    .npz an image); for example --regions regions.tsv."""
    scheduled_sampling: float = 0.025
    """Largest share of steps that are told the network's own frames in place of true ones; it is reached by an inverse
    sigmoid. 0 tells true frames alone."""
    sampling_epochs: float = 160.0
    """Number k of that sigmoid, 1 - k / (k - 1 + exp(epoch / k)): more reaches it later."""
    warmup: int | None = None
    """Number of steps until the learning rate is at its peak, from which it falls with their square root. Default: 4000
    as published, but no more than a fifth of all steps."""
    validation_images: int = 64
    """Maximum number of images of validation that are described."""
    steps: int = field(default=2000, kw_only=True)
    batch_size: int = field(default=32, kw_only=True)
    learning_rate: float = field(default=2e-3, kw_only=True)
    validate_every: int = field(default=200, kw_only=True)
    checkpoint_every: int = field(default=200, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 1, "validation_images")
        if self.learning_rate >= 1:
            raise ConfigError("--learning-rate", f"must be less than 1, got {self.learning_rate}")
        if not 0 <= self.scheduled_sampling <= 1:
            raise ConfigError("--scheduled-sampling", f"must be from 0 to 1, got {self.scheduled_sampling}")
        if not self.sampling_epochs > 0:
            raise ConfigError("--sampling-epochs", f"must be more than 0, got {self.sampling_epochs}")
        if self.warmup is not None and self.warmup < 1:
            raise ConfigError("--warmup", f"must be at least 1, got {self.warmup}")

    def with_defaults(self) -> Self:
        """The same run with the warm-up written out."""
        if self.warmup is not None:
            return self
        return replace(self, warmup=max(1, min(WARMUP, self.steps // SHARE)))
