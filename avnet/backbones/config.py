"""What a backbone is: its network and sizes, saved with it; needs no network to be imported."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from avnet.backbones.image.config import ViTConfig
from avnet.config import Plain, check_numbers
from avnet.errors import ConfigError

# Those whose ImageNet weights are public, and the tower of this package's own networks.
ImagenetName = Literal["mobilenetv2", "efficientnet-lite0"]
# Vision transformers whose weights are public.
ViTName = Literal["dinov2", "clip", "mae"]
BackboneName = Literal[ImagenetName, ViTName, "tower"]
BACKBONES: tuple[BackboneName, ...] = get_args(BackboneName)
VITS: tuple[ViTName, ...] = get_args(ViTName)
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
        vit: of a vision transformer, what it is; of others None.

    Example:
        >>> avnet.BackboneConfig.preset("mobilenetv2").image_size
        224
    """

    DESCRIBES: ClassVar[str] = "a backbone"

    network: BackboneName
    image_size: int
    widths: tuple[int, ...] = ()
    classes: int = 0
    vit: ViTConfig | None = None

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
        if self.network in ("tower", *VITS) and self.classes:
            raise ConfigError("classes", f"must be 0: {self.network} has no classifier")
        if (self.vit is not None) != (self.network in VITS):
            raise ConfigError("vit", f"must be given for {', '.join(VITS)} and for no other network")
        if self.vit is not None and self.image_size < self.vit.patch_size:
            raise ConfigError("image_size", f"must be at least a patch, {self.vit.patch_size} pixels")

    @classmethod
    def mobilenetv2(cls, image_size: int = 224) -> "BackboneConfig":
        """MobileNetV2 at width 1: 1,280 features for every 32 pixels."""
        return cls("mobilenetv2", image_size)

    @classmethod
    def efficientnet_lite0(cls, image_size: int = 224) -> "BackboneConfig":
        """EfficientNet-Lite0: 1,280 features for every 32 pixels."""
        return cls("efficientnet-lite0", image_size)

    @classmethod
    def dinov2(cls, image_size: int = 224, vit: ViTConfig | None = None) -> "BackboneConfig":
        """DINOv2, ViT-S/14 where nothing else is said: 384 features for every 14 pixels."""
        return cls("dinov2", image_size, vit=vit or ViTConfig.dinov2_small())

    @classmethod
    def clip(cls, image_size: int = 224) -> "BackboneConfig":
        """CLIP's ViT-B/16: 512 features for every 16 pixels."""
        return cls("clip", image_size, vit=ViTConfig.clip_base())

    @classmethod
    def mae(cls, image_size: int = 224) -> "BackboneConfig":
        """MAE's ViT-B/16: 768 features for every 16 pixels."""
        return cls("mae", image_size, vit=ViTConfig.mae_base())

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
        vit = values.get("vit")
        return {
            **values,
            "widths": tuple(values.get("widths", ())),
            "vit": None if vit is None else ViTConfig.from_dict(vit),
        }
