"""The sizes of a Show and Speak."""

from dataclasses import dataclass
from typing import ClassVar

from avnet.captioners.features import REGIONS, Regions
from avnet.errors import ConfigError
from avnet.synthesizers.tacotron2.config import SpectrumConfig, check_rate

# What sizes must not be beyond, by field.
_LARGEST = {"image_features": 1 << 16, **dict.fromkeys(("boxes", "hidden", "match"), 4096), "steps": 2000}


@dataclass(frozen=True)
class ShowAndSpeakConfig(SpectrumConfig):
    """Sizes of a Show and Speak, from places of an image to log-mel spectra.

    Its width is even: half of the features of speech, which are compared with those of images, are from either
    direction of the GRUs.

    Attributes:
        image_features: of each place.
        regions: what the places are.
        boxes: features that are made of where a place lies and how large it is.
        hidden: features of a place between the two layers that it enters through.
        match: features of the convolution over speech that is compared with images in training.
        steps: of the decoder, at most, of a description that does not end by itself.
        image_dropout: of places, in training and in use.

    Example:
        >>> config = ShowAndSpeakConfig.published(2048)
        >>> config.steps * config.frames_per_step  # frames of 10 ms
        600
    """

    DESCRIBES: ClassVar[str] = "a Show and Speak"

    image_features: int
    regions: Regions = "grid"
    boxes: int = 1024
    hidden: int = 1024
    match: int = 256
    steps: int = 200
    image_dropout: float = 0.2

    def __post_init__(self):
        super().__post_init__()
        if self.regions not in REGIONS:
            raise ConfigError("regions", f"must be one of {', '.join(REGIONS)}, got {self.regions!r}")
        for name, largest in _LARGEST.items():
            if not 1 <= (size := getattr(self, name)) <= largest:
                raise ConfigError(name, f"must be from 1 to {largest}, got {size}")
        if self.width % 2:
            raise ConfigError("width", f"must be even, one half for either direction, got {self.width}")
        check_rate("image_dropout", self.image_dropout)

    @classmethod
    def published(cls, image_features: int, regions: Regions = "grid") -> "ShowAndSpeakConfig":
        """The published network: 29.3 million parameters for 2,048 features; 2.5 of them serve training alone."""
        return cls(image_features, regions, frames_per_step=3, attention=256)

    @classmethod
    def small(cls, image_features: int, regions: Regions = "grid") -> "ShowAndSpeakConfig":
        """For two cores: the sizes of `Tacotron2Config.small`."""
        sizes = {"width": 256, "prenet": 128, "attention_hidden": 384, "decoder_hidden": 384, "postnet": 256}
        return cls(image_features, regions, boxes=64, hidden=512, match=128, frames_per_step=3, **sizes)

    @property
    def longest(self) -> int:
        """Frames of a description, at most."""
        return self.steps * self.frames_per_step
