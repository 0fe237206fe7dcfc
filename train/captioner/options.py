"""Options that all captioners are trained with, whatever they write or say."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.presets import Kind
from avnet.errors import ConfigError
from train.engine.options import RunOptions

if TYPE_CHECKING:
    from train.captioner.places import Places


@dataclass(frozen=True)
class CaptionerOptions(RunOptions):
    """Those of a network and of how it learns."""

    kind: Kind = field(default="recurrent", kw_only=True)
    """Network: recurrent with attention, which suits a CPU, transformer, which suits a GPU, or that of a paper, as
    published; for example --kind up-down."""
    small: bool = field(default=False, kw_only=True)
    """Sizes for two cores in place of those of --kind, which are those of the paper."""
    regions: str = field(default="grid", kw_only=True)
    """What the captioner sees of an image: the cells of the grid of a backbone; windows, means of them over squares
    that overlap; or a file of regions that a detector found (.tsv of bottom-up attention, .npz, .h5, or a folder with
    one .npz an image), which `avnet describe` then needs as well; for example --regions regions.tsv."""
    label_smoothing: float = field(default=0.0, kw_only=True)
    """Share of the target that is spread evenly over all tokens (Szegedy et al., 2016); papers take 0.1 or 0.2."""
    scheduled_sampling: float = field(default=0.0, kw_only=True)
    """Share of tokens that the captioner reads from itself instead of from people at the end of training (Bengio et
    al., 2015); it rises evenly from 0. Papers take 0.25 to 0.5."""
    steps: int = field(default=4000, kw_only=True)
    learning_rate: float = field(default=1e-3, kw_only=True)
    validate_every: int = field(default=400, kw_only=True)
    checkpoint_every: int = field(default=400, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError("--label-smoothing", f"must be from 0 to below 1, got {self.label_smoothing}")
        if not 0 <= self.scheduled_sampling <= 1:
            raise ConfigError("--scheduled-sampling", f"must be from 0 to 1, got {self.scheduled_sampling}")

    def network(self, tokens: int, places: "Places", **sizes: object) -> CaptionerConfig:
        """The network that the options ask for.

        Args:
            tokens: that it chooses from, without begin, end and padding.
            places: that it sees of an image.
            sizes: that are other than those of the preset.
        """
        seen = {"pieces": tokens, "image_features": places.features, "regions": places.regions}
        return CaptionerConfig.preset(self.kind, small=self.small, **seen, **sizes)
