"""What a training run is: every option of `python -m train`, with the presets' defaults filled in."""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.config import ModelConfig, NetworkName, PresetName
from avnet.errors import ConfigError
from data.records.augment import AugmentationName, AugmentConfig

LossName = Literal["correspondence", "contrastive"]
ComputeName = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class TrainConfig:
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
    preset: PresetName = "small"
    """small (CPU) or paper (the published network)."""
    loss: LossName | None = None
    """correspondence (as published) or contrastive (every pairing of the batch; small data need it).
    Default: contrastive for small ave and avol, else correspondence."""
    init_from: Path | None = None
    """Model folder to take towers and projections from; AVOL-Net learns much faster from an AVE-Net."""
    steps: int = 3000
    """Updates in all."""
    batch_size: int = 64
    """Pairs in a step."""
    compute: ComputeName = "float32"
    """Of the towers' features; bfloat16 is what GPUs and TPUs are fast at. All else is float32 in either case."""
    accumulate: int = 1
    """Parts in which a batch is encoded, to take less memory. The loss is of the whole, batch norm of a part."""
    remat: bool = False
    """Make the towers' features again for the gradient, to take a third of the memory and a third more time."""
    learning_rate: float | None = None
    """Of Adam. Default: 1e-3 for small, 1e-4 for paper."""
    schedule: Literal["cosine", "paper"] = "cosine"
    """cosine: warm-up, then down to zero at the last step; paper: times 0.94 every 16 epochs."""
    weight_decay: float = 1e-5
    """Of Adam, coupled as L2 loss (the paper's)."""
    seed: int = 0
    """Fixes weights, order, pairs and augmentation."""
    snap_negatives: bool = True
    """Cut negatives' sound on the frame grid; --no-snap-negatives reproduces the shortcut."""
    misalignment_s: float = 1.0
    """Largest random shift between frame and sound, seconds."""
    augmentation: AugmentationName | None = None
    """paper, or strong (for hours rather than months of video). Default: strong for small, else paper."""
    validate_every: int = 250
    """Steps between validations; the model kept is the best on validation."""
    validation_pairs: int = 512
    """Segments in the fixed validation list, at most."""
    checkpoint_every: int = 250
    """Steps between checkpoints."""
    log_every: int = 10
    """Steps between rows of metrics.jsonl."""
    threads: int = 2
    """That read and decode ahead."""
    coordinator: str | None = None
    """HOST:PORT of process 0, to train on several machines; auto on TPU pods, Slurm and MPI. See docs/devices.md."""
    processes: int | None = None
    """How many train together, --batch-size among them; not wanted with auto."""
    process: int | None = None
    """Number of this one, from 0; not wanted with auto."""
    tensorboard: bool = False
    """Also write TensorBoard events to OUT/tensorboard (needs the extra `tensorboard`)."""

    def __post_init__(self):
        for name in (
            "steps",
            "batch_size",
            "accumulate",
            "validate_every",
            "validation_pairs",
            "checkpoint_every",
            "log_every",
            "threads",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"--{name.replace('_', '-')}", f"wants at least 1, got {getattr(self, name)}")
        for name in ("seed", "misalignment_s", "weight_decay"):
            if getattr(self, name) < 0:
                raise ConfigError(f"--{name.replace('_', '-')}", f"wants at least 0, got {getattr(self, name)}")
        if self.coordinator not in (None, "auto") and (self.processes is None or self.process is None):
            raise ConfigError("--coordinator", "wants --processes and --process too, or is auto")
        if self.coordinator not in (None, "auto") and not re.fullmatch(r".+:\d+", self.coordinator):
            raise ConfigError("--coordinator", f"wants HOST:PORT or auto, got {self.coordinator}")
        if self.processes is not None and self.processes < 1:
            raise ConfigError("--processes", f"wants at least 1, got {self.processes}")
        if self.coordinator is None and (self.processes, self.process) != (None, None):
            raise ConfigError("--processes, --process", "want --coordinator HOST:PORT")
        if self.process is not None and not 0 <= self.process < (self.processes or 1):
            raise ConfigError("--process", f"wants 0 to {(self.processes or 1) - 1}, got {self.process}")
        if self.batch_size % self.accumulate:
            raise ConfigError(
                "--accumulate", f"wants a divisor of --batch-size {self.batch_size}, got {self.accumulate}"
            )
        if self.loss == "contrastive" and self.network == "l3":
            raise ConfigError("--loss", "L3-Net fuses pictures and sounds late and has no contrastive form")
        if self.learning_rate is not None and self.learning_rate <= 0:
            raise ConfigError("--learning-rate", f"wants more than 0, got {self.learning_rate}")

    def resolved(self) -> "TrainConfig":
        """The same run with the presets' defaults written out.

        Raises:
            ConfigError: two options do not go together.
        """
        small = self.preset == "small"
        loss = self.loss or ("contrastive" if small and self.network != "l3" else "correspondence")
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

    @property
    def augment(self) -> AugmentConfig:
        """The strengths of augmentation."""
        return AugmentConfig.strong() if self.augmentation == "strong" else AugmentConfig.paper()
