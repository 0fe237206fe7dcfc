"""Options that all captioners are trained with, whatever they write or say."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import tyro

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.presets import Kind
from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from train.engine.options import RunOptions

if TYPE_CHECKING:
    from train.captioner.places import Places

# Peak learning rates of Adam: of learning from descriptions, and of learning from draws.
RATE, REWARD_RATE = 1e-3, 5e-5


@dataclass(frozen=True)
class CaptionerOptions(RunOptions):
    """Those of a network and of how it learns."""

    kind: Kind = field(default="recurrent", kw_only=True)
    """Network: recurrent with attention, which suits a CPU, transformer, which suits a GPU, or that of a paper, as
    published; for example --kind up-down."""
    small: bool = field(default=False, kw_only=True)
    """Sizes for two cores in place of those of --kind, which are those of the paper."""
    regions: str = field(default="grid", kw_only=True)
    """What the captioner sees of an image: the cells of the grid of a backbone; snake, the same with every second row
    from right to left, for --kind xnmt; windows, means of them over squares that overlap; or a file of regions that a
    detector found (.tsv of bottom-up attention, .npz, .h5, or a folder with one .npz an image), which `avnet describe`
    then needs as well; for example --regions regions.tsv."""
    standardize: bool = field(default=True, kw_only=True)
    """Bring every feature of the images to mean 0 and deviation 1, with which captioners follow the image sooner;
    --no-standardize gives them as they are, as papers do."""
    views: int = field(default=1, kw_only=True)
    """Number of views of each image that training sees: the image, the same in a mirror, then crops of 75 to 100 % of
    its side, every second in a mirror. Each is seen once by the backbone and kept beside the corpus. Few images with
    many descriptions are learned by heart otherwise; 4 to 8 are usual. Mirrors confuse left and right."""
    label_smoothing: float = field(default=0.0, kw_only=True)
    """Share of the target that is spread evenly over all tokens (Szegedy et al., 2016); papers take 0.1 or 0.2."""
    scheduled_sampling: float = field(default=0.0, kw_only=True)
    """Share of tokens that the captioner reads from itself instead of from people at the end of training (Bengio et
    al., 2015); it rises evenly from 0. Papers take 0.25 to 0.5."""
    captions_per_image: int = field(default=1, kw_only=True)
    """Number of descriptions of one image in a batch, which is encoded once for them; 5 trains networks with an encoder
    of cells (m2, aoa, x-lan, x-transformer) in less time. It must divide --batch-size."""
    init_from: Annotated[Path | None, tyro.conf.arg(metavar="MODEL")] = field(default=None, kw_only=True)
    """Trained describer whose captioner is trained further, in place of --kind and --small; of the same vocabulary, for
    example runs/up-down/model. Where validation does not rise, it stays the model."""
    draws: int = field(default=5, kw_only=True)
    """With --reward, number of descriptions that are drawn of each image; each is compared with the mean of the
    others."""
    temperature: float = field(default=0.7, kw_only=True)
    """With --reward, temperature of these draws. At 1, as in papers, a captioner that learned with --label-smoothing
    draws a word at random in every tenth place."""
    cross_entropy_share: float = field(default=0.1, kw_only=True)
    """With --reward, weight of the cross-entropy of what people say, which keeps the language; the reward has the rest.
    0.1 to 0.5 is usual."""
    steps: int = field(default=4000, kw_only=True)
    learning_rate: float | None = field(default=None, kw_only=True)
    """Peak learning rate of Adam. Default: 1e-3, or 5e-5 with --reward (papers take 5e-6 for transformers)."""
    validate_every: int = field(default=400, kw_only=True)
    checkpoint_every: int = field(default=400, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError("--label-smoothing", f"must be from 0 to below 1, got {self.label_smoothing}")
        if not 0 <= self.scheduled_sampling <= 1:
            raise ConfigError("--scheduled-sampling", f"must be from 0 to 1, got {self.scheduled_sampling}")
        if self.captions_per_image < 1 or self.batch_size % self.captions_per_image:
            reason = f"must divide --batch-size {self.batch_size}, got {self.captions_per_image}"
            raise ConfigError("--captions-per-image", reason)
        check_at_least(self, 1, "views")
        check_at_least(self, 2, "draws")
        if not 0 < self.temperature <= 100:
            raise ConfigError("--temperature", f"must be more than 0 and at most 100, got {self.temperature}")
        if not 0 <= self.cross_entropy_share <= 1:
            raise ConfigError("--cross-entropy-share", f"must be from 0 to 1, got {self.cross_entropy_share}")
        if self.rewarded and self.init_from is None:
            raise ConfigError("--reward", "needs --init-from: rewards improve what a network already says")
        if self.rewarded and self.scheduled_sampling:
            raise ConfigError("--scheduled-sampling", "does not go with --reward, which learns from whole draws")
        if self.rewarded and self.captions_per_image > 1:
            raise ConfigError("--captions-per-image", "does not go with --reward, which has --draws of each image")

    @property
    def images_per_batch(self) -> int:
        """Images in a batch, or rows that are encoded."""
        return self.batch_size // self.captions_per_image

    @property
    def rewarded(self) -> str | None:
        """Name of the reward of draws, in `train.captioner.rewards.REWARDS`; None learns from descriptions alone."""
        return None

    @property
    def from_model(self) -> bool:
        """Whether the run starts from a trained describer."""
        return self.init_from is not None

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate that is given, or its default."""
        return self.learning_rate or (REWARD_RATE if self.rewarded else RATE)

    def with_defaults(self) -> Self:
        """The same run with the learning rate written out."""
        return replace(self, learning_rate=self.peak_learning_rate)

    def network(self, tokens: int, places: "Places", **sizes: object) -> CaptionerConfig:
        """The network that the options ask for.

        Args:
            tokens: that it chooses from, without begin, end and padding.
            places: that it sees of an image.
            sizes: that are other than those of the preset.
        """
        seen = {
            "pieces": tokens,
            "image_features": places.features,
            "standardized": self.standardize,
            "regions": places.regions,
        }
        return CaptionerConfig.preset(self.kind, small=self.small, **seen, **sizes)
