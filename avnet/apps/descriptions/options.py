"""How images are described, and what becomes of descriptions that are not sure."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from avnet.errors import OptionError

if TYPE_CHECKING:
    from avnet.captioners.features import Box

Form = Literal["text", "speech", "both"]


@dataclass(frozen=True)
class DescribeOptions:
    """How descriptions are chosen, and what becomes of those that are not sure.

    Example:
        >>> avnet.DescribeOptions(method="sample", seed=1).threshold
        0.5
    """

    as_: Form | None = None
    """What a description is. Default: what the model makes. Text can be spoken too (speech, both), by flite; a model
    that speaks has no words."""
    unsure: Literal["spoken", "silent", "error"] = "spoken"
    """What becomes of a description whose confidence is below --threshold: it is spoken after two low tones, and what
    is written is marked; it is kept silent, and no text is given; or it is an error."""
    threshold: float = 0.5
    """Least confidence of a description that counts as sure: of speech, the probability that image and description
    belong together; of text, how ordinary the image is among those that the model learned from."""
    method: Literal["beam", "sample"] = "beam"
    """How candidates are made: beam searches for the likeliest ones, sample draws varied ones."""
    candidates: int | None = None
    """Number of candidates for an image, of which the best is taken; of text the others are its alternatives. Default:
    40 of speech, 10 of text."""
    reward: float | None = None
    """Log-probability that beam search adds for each unit or word; more makes longer descriptions. Default: 0.1 of
    speech, 0 of text."""
    temperature: float | None = None
    """Temperature of sampling; lower makes likely units or words likelier, 0 takes the likeliest. Default: 0.4 of
    speech, 0.7 of text."""
    seed: int = 0
    """Seed of the random draws of sampling."""
    voice: Path | None = None
    """Folder of recordings by another speaker, of a voice, vocoder or acoustics, for a model that speaks. Default: the
    voice that it was trained with."""
    regions: Path | None = None
    """File of regions of the images, for a model that was trained with one (`python -m train describer --regions`):
    .tsv, .npz or .h5, or a folder with one .npz an image; images are looked up by name."""
    describe_region: tuple[float, float, float, float] | None = None
    """Describe a part of each image alone, in at most 12 pieces or words: its left edge, upper edge, width and height,
    as fractions of the image's width and height; for example --describe-region 0.5 0 0.5 1 for the right half."""

    def __post_init__(self):
        if not 0 <= self.threshold <= 1:
            raise OptionError("threshold", f"must be a probability from 0 to 1, got {self.threshold:g}")
        if self.candidates is not None and not 1 <= self.candidates <= 64:
            raise OptionError("candidates", f"must be from 1 to 64, got {self.candidates}")
        for name in ("reward", "temperature"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 100:
                raise OptionError(name, f"must be from 0 to 100, got {value:g}")
        if self.seed < 0:
            raise OptionError("seed", f"must be at least 0, got {self.seed}")
        if self.describe_region is not None:
            x, y, width, height = self.describe_region
            inside = x >= 0 and y >= 0 and width > 0 and height > 0 and max(x + width, y + height) <= 1 + 1e-6
            if not inside:
                given = " ".join(f"{number:g}" for number in self.describe_region)
                raise OptionError(
                    "describe-region", f"must be X Y WIDTH HEIGHT inside of the image, in fractions of it, got {given}"
                )

    def search_settings(self) -> dict[str, Any]:
        """What describers of either kind are told; where nothing is said, theirs is the default."""
        values = {name: getattr(self, name) for name in ("method", "candidates", "reward", "temperature", "seed")}
        return {name: value for name, value in values.items() if value is not None} | {"region": self.region}

    @property
    def region(self) -> "Box | None":
        """The part that is described: left, top, right and bottom, as shares of the image."""
        if self.describe_region is None:
            return None
        x, y, width, height = self.describe_region
        return x, y, min(x + width, 1.0), min(y + height, 1.0)
