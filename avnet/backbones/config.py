"""What a backbone is: its network and sizes, saved with it; needs no network to be imported."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from avnet.config import Plain, check_numbers
from avnet.errors import ConfigError

# Those whose ImageNet weights are public, and the tower of this package's own networks.
ImagenetName = Literal["mobilenetv2", "efficientnet-lite0"]
BackboneName = Literal[ImagenetName, "tower"]
BACKBONES: tuple[BackboneName, ...] = get_args(BackboneName)
SMALLEST, LARGEST = 32, 4096
IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class BackboneConfig(Plain):
    """A network that turns images into grids of features.

    Attributes:
        network: its name in the registry, `avnet.backbones.network`.
        image_size: side of the square that it sees of an image, pixels.
        widths: of a tower, the channels of its four stages; of others nothing.
        classes: outputs of a classifier that is kept with the network: ImageNet's 1,000, or 0 for none.

    Example:
        >>> avnet.BackboneConfig.preset("mobilenetv2").image_size
        224
    """

    DESCRIBES: ClassVar[str] = "a backbone"

    network: BackboneName
    image_size: int
    widths: tuple[int, ...] = ()
    classes: int = 0

    def __post_init__(self):
        if self.network not in BACKBONES:
            raise ConfigError("network", f"must be one of {', '.join(BACKBONES)}, got {self.network!r}")
        check_numbers(self)
        if not SMALLEST <= self.image_size <= LARGEST:
            raise ConfigError(
                "image_size", f"must be a whole number from {SMALLEST} to {LARGEST} pixels, got {self.image_size}"
            )
        if self.network == "tower" and (len(self.widths) != 4 or min(self.widths) < 1):
            raise ConfigError("widths", f"must be four positive channel counts, got {self.widths}")
        if self.network != "tower" and self.widths:
            raise ConfigError("widths", f"must be left out: {self.network} has widths of its own")
        if self.classes not in (0, IMAGENET_CLASSES):
            raise ConfigError("classes", f"must be 0 or {IMAGENET_CLASSES}, got {self.classes}")
        if self.network == "tower" and self.classes:
            raise ConfigError("classes", "must be 0: a tower has no classifier")

    @classmethod
    def mobilenetv2(cls, image_size: int = 224) -> "BackboneConfig":
        """MobileNetV2 at width 1: 1,280 features for every 32 pixels."""
        return cls("mobilenetv2", image_size)

    @classmethod
    def efficientnet_lite0(cls, image_size: int = 224) -> "BackboneConfig":
        """EfficientNet-Lite0: 1,280 features for every 32 pixels."""
        return cls("efficientnet-lite0", image_size)

    @classmethod
    def tower(cls, image_size: int = 224, widths: tuple[int, ...] = (64, 128, 256, 512)) -> "BackboneConfig":
        """The image tower of AVE-Net, AVOL-Net and L3-Net: 512 features for every 16 pixels."""
        return cls("tower", image_size, widths)

    @classmethod
    def preset(cls, network: BackboneName, image_size: int = 224) -> "BackboneConfig":
        """The preset of a network by its name."""
        return getattr(cls, network.replace("-", "_"))(image_size)

    @classmethod
    def _of_json(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {**values, "widths": tuple(values.get("widths", ()))}
