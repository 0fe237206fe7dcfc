"""What a vision transformer is: sizes and the ways in which those that are published differ."""

from dataclasses import dataclass
from typing import Any, ClassVar

from avnet.config import Plain, at_most, check_numbers
from avnet.errors import ConfigError

IMAGENET_MEAN, IMAGENET_SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN, CLIP_SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# Channels of a head in all published ViT-S, B and L.
HEAD = 64


@dataclass(frozen=True)
class ViTConfig(Plain):
    """Sizes of a vision transformer, and what tells DINOv2, CLIP and MAE apart.

    Attributes:
        width: channels of a token.
        depth: blocks.
        heads: of the attention.
        hidden: channels inside the layers between attentions.
        patch_size: side of a patch, pixels.
        grid: rows of patches for which positions were learned, and columns; those of other sizes are interpolated.
        registers: tokens beside the class token that belong to no patch.
        projection: channels into which tokens are projected at last, as CLIP does; 0 for none.
        layer_scale: whether what a layer adds is multiplied by a factor for each channel.
        pre_norm: whether tokens are normalized before the first block, and patches have no bias, as in CLIP.
        quick_gelu: x * sigmoid(1.702 x) in place of GELU.
        antialias: whether positions for a smaller grid are smoothed.
        epsilon: of the normalization.
        mean, spread: of the three colors in [0, 1], for which images are corrected.

    Example:
        >>> from avnet.backbones.image.config import ViTConfig
        >>> ViTConfig.dinov2_small().width
        384
    """

    DESCRIBES: ClassVar[str] = "a vision transformer"

    width: int = 384
    depth: int = at_most(128, 12)
    heads: int = 6
    hidden: int = 1536
    patch_size: int = at_most(256, 14)
    grid: int = at_most(1024, 37)
    registers: int = at_most(1024, 0)
    projection: int = 0
    layer_scale: bool = True
    pre_norm: bool = False
    quick_gelu: bool = False
    antialias: bool = False
    epsilon: float = at_most(1.0, 1e-6)
    mean: tuple[float, ...] = IMAGENET_MEAN
    spread: tuple[float, ...] = IMAGENET_SPREAD

    def __post_init__(self):
        check_numbers(self)
        for name in ("width", "depth", "heads", "hidden", "patch_size", "grid"):
            if getattr(self, name) < 1:
                raise ConfigError(name, f"must be at least 1, got {getattr(self, name)}")
        for name in ("registers", "projection"):
            if getattr(self, name) < 0:
                raise ConfigError(name, f"must be at least 0, got {getattr(self, name)}")
        if self.width % self.heads:
            raise ConfigError("width", f"must be a multiple of the {self.heads} heads, got {self.width}")
        if self.epsilon <= 0:
            raise ConfigError("epsilon", f"must be above 0, got {self.epsilon}")
        for name in ("mean", "spread"):
            numbers = getattr(self, name)
            if len(numbers) != 3 or not all(isinstance(number, float) for number in numbers):
                raise ConfigError(name, f"must be three numbers, got {numbers}")
        if min(self.spread) <= 0:
            raise ConfigError("spread", f"must be above 0, got {self.spread}")

    @classmethod
    def dinov2_small(cls, registers: int = 0) -> "ViTConfig":
        """DINOv2's ViT-S/14: 384 features for every 14 pixels.

        Reference: Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision", 2023; Darcet et al.,
        "Vision Transformers Need Registers", 2023, of which there are four.
        """
        return cls(registers=registers, antialias=registers > 0)

    @classmethod
    def dinov2_base(cls, registers: int = 0) -> "ViTConfig":
        """DINOv2's ViT-B/14: 768 features for every 14 pixels."""
        return cls(width=768, heads=12, hidden=3072, registers=registers, antialias=registers > 0)

    @classmethod
    def clip_base(cls) -> "ViTConfig":
        """CLIP's ViT-B/16: 512 features for every 16 pixels, in the space of its texts.

        Reference: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021.
        """
        return cls(
            width=768,
            heads=12,
            hidden=3072,
            patch_size=16,
            grid=14,
            projection=512,
            layer_scale=False,
            pre_norm=True,
            quick_gelu=True,
            epsilon=1e-5,
            mean=CLIP_MEAN,
            spread=CLIP_SPREAD,
        )

    @classmethod
    def mae_base(cls) -> "ViTConfig":
        """MAE's ViT-B/16: 768 features for every 16 pixels.

        Reference: He et al., "Masked Autoencoders Are Scalable Vision Learners", 2021.
        """
        return cls(width=768, heads=12, hidden=3072, patch_size=16, grid=14, layer_scale=False)

    @classmethod
    def _of_json(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {name: tuple(value) if name in ("mean", "spread") else value for name, value in values.items()}
