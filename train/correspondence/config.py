"""What a training run is: every option of `python -m train`, with the presets' defaults filled in."""

import dataclasses
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.config import ModelConfig, PresetName
from avnet.correspondence.kinds import KINDS, NetworkName
from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from train.engine.options import RunOptions

LossName = Literal["correspondence", "contrastive"]
AugmentationName = Literal["paper", "strong"]


@dataclass(frozen=True)
class TrainConfig(RunOptions):
    """Train a network on prepared records, or on a small folder of videos.

    Spoken descriptions have programs of their own: python -m train imagenet|speech|units|describer|vocoder --help
    Weights of PyTorch come and go by others: python -m train from-torch|to-torch --help

    Example: python -m train ave --data corpus --out runs/ave --preset small
    """

    network: Annotated[NetworkName, tyro.conf.Positional]
    """ave (search), avol (localisation) or l3 (their predecessor)."""
    data: Path
    """Folder that `python -m data prepare` wrote; or of a small collection of videos, prepared into OUT/records."""
    out: Path
    """Folder of the run; the same command again resumes it. The model lands in OUT/model."""
    _: KW_ONLY
    preset: PresetName = "small"
    """small (CPU) or paper (the published network)."""
    loss: LossName | None = None
    """correspondence (as published) or contrastive (every pairing of the batch; small data need it).
    Default: contrastive for small ave and avol, else correspondence."""
    init_from: Path | None = None
    """Model folder to take towers and projections from; AVOL-Net learns much faster from an AVE-Net."""
    learning_rate: float | None = None
    """Learning rate of Adam. Default: 1e-3 for small, 1e-4 for paper."""
    schedule: Literal["cosine", "paper"] = "cosine"
    """cosine: warm-up, then down to zero at the last step; paper: times 0.94 every 16 epochs."""
    weight_decay: float = 1e-5
    """Weight decay of Adam, coupled as L2 loss (the paper's)."""
    snap_negatives: bool = True
    """Cut negatives' sound on the frame grid; --no-snap-negatives reproduces the shortcut."""
    misalignment_s: float = 1.0
    """Largest random shift between frame and sound, seconds."""
    augmentation: AugmentationName | None = None
    """paper, or strong (for hours rather than months of video). Default: strong for small, else paper."""
    validation_pairs: int = 512
    """Segments in the fixed validation list, at most."""
    log_every: int = 10
    """Number of steps between rows of metrics.jsonl."""
    threads: int = 2
    """Number of threads that read and decode ahead."""

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 1, "validation_pairs", "threads")
        check_at_least(self, 0, "misalignment_s", "weight_decay")
        if self.loss == "contrastive" and not KINDS[self.network].contrastive:
            title = KINDS[self.network].title
            raise ConfigError("--loss", f"{title} fuses images and sounds late and has no contrastive form")

    def resolved(self) -> "TrainConfig":
        """The same run with the presets' defaults written out.

        Raises:
            ConfigError: two options do not go together.
        """
        small = self.preset == "small"
        loss = self.loss or ("contrastive" if small and KINDS[self.network].contrastive else "correspondence")
        if loss == "contrastive" and not self.snap_negatives:
            raise ConfigError("--no-snap-negatives", "wants --loss correspondence; the other loss draws no negatives")
        return dataclasses.replace(
            self,
            loss=loss,
            learning_rate=self.learning_rate or (1e-3 if small else 1e-4),
            augmentation=self.augmentation or ("strong" if small else "paper"),
        )

    @property
    def model(self) -> ModelConfig:
        """The network to train."""
        return ModelConfig.preset(self.network, self.preset)
