"""Every option of `python -m train ave|avol|l3|joint`."""

import dataclasses
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.correspondence.config import MOST_POOLED, ModelPresetName
from avnet.correspondence.kinds import KINDS, LearnedName
from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from train.engine.options import RunOptions

LossName = Literal["correspondence", "contrastive"]
AugmentationName = Literal["paper", "strong"]
FRAMES_NEED_BACKBONES = (
    "needs --vision and --audio, or --init-from a model on backbones; the papers' towers take --preset small-frames"
)


@dataclass(frozen=True)
class TrainConfig(RunOptions):
    """Train a network of audio-visual correspondence on prepared records, or on a small folder of videos.

    Example: python -m train ave --data corpus --out runs/ave --preset small
    """

    network: Annotated[LearnedName, tyro.conf.Positional]
    """Network: ave for search, avol for localization, l3, their predecessor, or joint, on two classifiers, for both."""
    data: Path
    """Folder that `python -m data prepare` wrote, or a small folder of videos, which are prepared into OUT/records."""
    out: Path
    """Folder of the run; the same command again resumes it. The model is written to OUT/model."""
    _: KW_ONLY
    preset: ModelPresetName = "small"
    """Sizes of the network: small for a CPU, or paper as published. With -frames it sees the 25 frames of a second
    (AVE+MF), with -flow a frame and 10 fields of optical flow (AVE+OF, needs the extra `flow`); records then need
    --fps 25. With backbones the sizes are theirs; --frames is for them."""
    vision: Path | None = None
    """Backbone for images in place of the paper's tower, as `python -m train imagenet` or `vit` writes it. Needs
    --audio."""
    audio: Path | None = None
    """Backbone for sounds in place of the paper's tower, as `python -m train yamnet` or `ast` writes it. Needs
    --vision."""
    frames: int | None = None
    """Number of frames of a moment, from 1 to 25, that a network on backbones sees, spread over a second: the mean of
    their features is taken, as in `--frames 5`, for which records need --fps 5. Default: 1, or as many as the model of
    --init-from, which may have seen fewer."""
    feature_draws: int = 4
    """Number of augmented draws of each segment whose features are computed once, where backbones are left as they
    are, and kept in OUT/features (about 130 kB each for ImageNet networks); 0 computes them anew in every step."""
    backbone_learning_rate: float = 0.0
    """Peak learning rate of the backbones; 0 leaves them as they are and trains the layers above them."""
    feature_dropout: float = 0.5
    """Share of the features of backbones that each step leaves out, of each image and each sound others."""
    names_weight: float = 1.0
    """For joint with --backbone-learning-rate: weight of how far the classes of the learned backbones are from those
    that they gave before, which keeps names of what the videos do not show."""
    loss: LossName | None = None
    """Loss: correspondence as published, or contrastive over every pairing in the batch, which small collections of
    videos need. Default: contrastive for small ave and avol, else correspondence."""
    init_from: Annotated[str | Path | None, tyro.conf.arg(metavar="MODEL")] = None
    """Model (a folder, a name, or hf://user/model) from which towers and projections are taken; AVOL-Net learns much
    faster when it starts from an AVE-Net."""
    learning_rate: float | None = None
    """Peak learning rate of Adam. Default: 1e-3 for small, 1e-4 for paper."""
    schedule: Literal["cosine", "paper"] = "cosine"
    """Learning rate over time: cosine warms up, then falls to zero at the last step; paper multiplies it by 0.94 every
    16 epochs."""
    weight_decay: float = 1e-5
    """Weight decay, added to the gradient before Adam as L2 regularization, as in the paper."""
    snap_negatives: bool = True
    """Center the sound of negatives on a frame too, as that of positives is; otherwise a network can tell the two by
    the cut alone."""
    misalignment_s: float = 1.0
    """Largest random shift between a frame and its sound, in seconds."""
    augmentation: AugmentationName | None = None
    """Augmentation: paper as published, or strong for collections of hours rather than months of video. Default: strong
    for small, else paper."""
    validation_pairs: int = 512
    """Maximum number of pairs in the fixed validation list."""
    log_every: int = 10
    """Number of steps between rows of metrics.jsonl."""
    threads: int = 2
    """Number of threads that read and decode batches ahead."""

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 1, "validation_pairs", "threads")
        check_at_least(self, 0, "misalignment_s", "weight_decay", "backbone_learning_rate", "names_weight")
        check_at_least(self, 0, "feature_draws", "feature_dropout")
        if self.feature_dropout >= 1:
            raise ConfigError("--feature-dropout", f"must be below 1, got {self.feature_dropout:g}")
        if KINDS[self.network].named and self.vision is None and self.init_from is None:
            raise ConfigError(self.network, "needs --vision and --audio, two backbones that keep their classifiers")
        if (self.vision is None) != (self.audio is None):
            raise ConfigError("--vision, --audio", "go together: both towers are backbones, or neither is")
        if self.backbone_learning_rate and self.vision is None and self.init_from is None:
            raise ConfigError(
                "--backbone-learning-rate", "needs --vision and --audio, or --init-from a model on backbones"
            )
        if self.frames is not None and not 1 <= self.frames <= MOST_POOLED:
            raise ConfigError("--frames", f"must be from 1 to {MOST_POOLED}, got {self.frames}")
        if self.frames is not None and self.vision is None and self.init_from is None:
            raise ConfigError("--frames", FRAMES_NEED_BACKBONES)
        if self.loss == "contrastive" and not KINDS[self.network].contrastive:
            title = KINDS[self.network].title
            raise ConfigError("--loss", f"{title} fuses images and sounds late and has no contrastive form")

    @property
    def from_model(self) -> bool:
        """Whether the run starts from a trained model."""
        return self.init_from is not None

    def with_defaults(self) -> "TrainConfig":
        """The same run with the presets' defaults written out.

        Raises:
            ConfigError: two options do not go together.
        """
        # What backbones know already, a few steps at a high rate fit to each other.
        small = self.preset.startswith("small") or self.vision is not None
        loss = self.loss or ("contrastive" if small and KINDS[self.network].contrastive else "correspondence")
        if loss == "contrastive" and not self.snap_negatives:
            raise ConfigError("--no-snap-negatives", "needs --loss correspondence; the other loss draws no negatives")
        return dataclasses.replace(
            self,
            loss=loss,
            learning_rate=self.learning_rate or (1e-3 if small else 1e-4),
            augmentation=self.augmentation or ("strong" if small else "paper"),
        )
