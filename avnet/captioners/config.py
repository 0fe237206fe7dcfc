"""What a captioner is: its kind and sizes, saved with every model."""

from dataclasses import dataclass
from typing import Any, ClassVar

from avnet.captioners.features import REGIONS, Regions
from avnet.captioners.presets import (
    EVEN_HEADS,
    KINDS,
    OURS,
    PRESETS,
    WITH_ATTENTION,
    WITH_HEADS,
    WITH_MEMORY,
    WITH_PLACES,
    Kind,
)
from avnet.config import Plain, at_most, check_numbers
from avnet.errors import ConfigError

# Inner width of additive attention, where a network has one that is free.
ATTENTION = 512
# Slots of memory, where a network has some.
MEMORY = 40


@dataclass(frozen=True)
class CaptionerConfig(Plain):
    """A captioner.

    Attributes:
        kind: 'recurrent' with attention, for a CPU; 'transformer', for a GPU; or that of a paper.
        pieces: that it chooses from, without begin, end and padding.
        image_features: features of each place of an image.
        standardized: whether features have mean 0 and deviation 1 over images that were learned from.
        regions: places of an image: cells of the 'grid' of a backbone, the same as a 'snake', 'windows' over it, or
            those of a 'file'.
        width: of its layers; also of the embedding of a piece.
        hidden: units of an LSTM, or width of a Transformer's inner layer; in X-LAN that is `width`.
        attention: inner width of additive attention, of the kinds of `WITH_ATTENTION`.
        layers: of a Transformer, of its encoder and of its decoder; of what refines cells; of X-LAN or of a pyramid.
        heads: of the kinds of `WITH_HEADS`.
        memory: slots of memory in each layer of the encoder, of the kinds of `WITH_MEMORY`.
        retrieved: descriptions of similar images that it attends to, at most.
        retrieved_length: pieces of each that it attends to.
        copying: whether pieces may be copied from them; networks of papers see them in no other way.
        dropout: in training.
        longest: pieces of a description, at most.

    Example:
        >>> avnet.CaptionerConfig.preset("transformer", pieces=2000, image_features=1280).kind
        'transformer'
    """

    DESCRIBES: ClassVar[str] = "a captioner"

    kind: Kind = "recurrent"
    pieces: int = 2000
    image_features: int = 1280
    standardized: bool = False
    regions: Regions = "grid"
    width: int = 256
    hidden: int = 384
    attention: int = ATTENTION
    layers: int = at_most(64, 3)
    heads: int = at_most(64, 8)
    memory: int = at_most(4096, MEMORY)
    retrieved: int = at_most(64, 4)
    retrieved_length: int = at_most(4096, 48)
    copying: bool = True
    dropout: float = 0.3
    longest: int = at_most(4096, 128)

    def __post_init__(self):
        check_numbers(self)
        if self.kind not in KINDS:
            raise ConfigError("kind", f"must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.regions not in REGIONS:
            raise ConfigError("regions", f"must be one of {', '.join(REGIONS)}, got {self.regions!r}")
        positive = (
            "pieces",
            "image_features",
            "width",
            "hidden",
            "attention",
            "layers",
            "heads",
            "retrieved_length",
            "longest",
        )
        if min(getattr(self, name) for name in positive) < 1 or min(self.retrieved, self.memory) < 0:
            raise ConfigError("captioner", f"must have positive sizes, got {self}")
        if (divided := WITH_HEADS.get(self.kind)) and getattr(self, divided) % self.heads:
            sizes = f"{getattr(self, divided)} / {self.heads}"
            raise ConfigError(f"{divided}, heads", f"must be a whole number for each head, got {sizes}")
        if self.kind in WITH_PLACES and self.width % 2:
            raise ConfigError("width", f"must be even for sines and cosines, got {self.width}")
        if self.kind in EVEN_HEADS and self.width % (2 * self.heads):
            raise ConfigError("width, heads", f"must be an even number for each head, got {self.width} / {self.heads}")
        if self.kind == "xnmt" and self.hidden % 2:
            raise ConfigError("hidden", f"must be even, a half for each direction, got {self.hidden}")
        if not isinstance(self.standardized, bool):
            raise ConfigError("standardized", f"must be true or false, got {self.standardized}")
        if not isinstance(self.copying, bool) or not 0 <= self.dropout < 1:
            raise ConfigError(
                "copying, dropout", f"must be true or false, and from 0 to below 1, got {self.copying}, {self.dropout}"
            )
        if self.attention != ATTENTION and self.kind not in WITH_ATTENTION:
            raise ConfigError("attention", f"is a size of {', '.join(WITH_ATTENTION)}, not of {self.kind}")
        if self.memory != MEMORY and self.kind not in WITH_MEMORY:
            raise ConfigError("memory", f"is a size of {', '.join(WITH_MEMORY)}, not of {self.kind}")
        if self.kind not in OURS and self.retrieved and not self.copying:
            raise ConfigError(
                "copying, retrieved", f"{self.kind} sees retrieved descriptions by copying from them alone"
            )

    @property
    def end(self) -> int:
        """The symbol after the last piece; also stands before the first."""
        return self.pieces

    @property
    def padding(self) -> int:
        """The symbol in places that do not count."""
        return self.pieces + 1

    @property
    def symbols(self) -> int:
        """Pieces, end and padding."""
        return self.pieces + 2

    @classmethod
    def preset(cls, kind: Kind, *, small: bool = False, **sizes: Any) -> "CaptionerConfig":
        """The preset of a kind by its name.

        Args:
            kind: its name.
            small: sizes for two cores in place of those of the paper.
            sizes: that are other than those of the preset.
        """
        preset = PRESETS[kind]
        return cls(**{"kind": kind, **preset.full, **(preset.small if small else {}), **sizes})
