"""What a captioner is: its kind and sizes, saved with every model."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from avnet.config import Plain, at_most, check_numbers
from avnet.errors import ConfigError

Kind = Literal[
    "recurrent",
    "transformer",
    "show-and-tell",
    "lrcn",
    "show-attend-tell",
    "show-attend-tell-hard",
    "adaptive",
    "up-down",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Ours attend to retrieved descriptions as to images; the others are as published, and see them by copying alone.
OURS: tuple[Kind, ...] = ("recurrent", "transformer")
# Inner width of additive attention, where a network has one that is free.
ATTENTION = 512
WITH_ATTENTION: tuple[Kind, ...] = ("show-attend-tell", "show-attend-tell-hard", "up-down")

# Sizes that two cores train in an hour.
SMALL: dict[Kind, dict[str, int]] = {
    "recurrent": {"width": 128, "hidden": 192},
    "transformer": {"width": 256, "hidden": 1024},
    "show-and-tell": {"width": 256, "hidden": 256},
    "lrcn": {"width": 256, "hidden": 256},
    "show-attend-tell": {"width": 256, "hidden": 384, "attention": 256},
    "show-attend-tell-hard": {"width": 256, "hidden": 384, "attention": 256},
    "adaptive": {"width": 256, "hidden": 256},
    "up-down": {"width": 256, "hidden": 384, "attention": 256},
}


@dataclass(frozen=True)
class CaptionerConfig(Plain):
    """A captioner.

    Attributes:
        kind: 'recurrent' with attention, for a CPU; 'transformer', for a GPU; or that of a paper.
        pieces: that it chooses from, without begin, end and padding.
        image_features: channels of an image's grid.
        width: of its layers; also of the embedding of a piece.
        hidden: units of an LSTM, or width of a Transformer's inner layer.
        attention: inner width of additive attention, of the kinds of `WITH_ATTENTION`.
        layers: of a Transformer.
        heads: of a Transformer.
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
    width: int = 256
    hidden: int = 384
    attention: int = ATTENTION
    layers: int = at_most(64, 3)
    heads: int = at_most(64, 8)
    retrieved: int = at_most(64, 4)
    retrieved_length: int = at_most(4096, 48)
    copying: bool = True
    dropout: float = 0.3
    longest: int = at_most(4096, 128)

    def __post_init__(self):
        check_numbers(self)
        if self.kind not in KINDS:
            raise ConfigError("kind", f"must be one of {', '.join(KINDS)}, got {self.kind!r}")
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
        if min(getattr(self, name) for name in positive) < 1 or self.retrieved < 0:
            raise ConfigError("captioner", f"must have positive sizes, got {self}")
        if self.kind == "transformer" and self.width % (2 * self.heads):
            raise ConfigError("width, heads", f"must be an even number for each head, got {self.width} / {self.heads}")
        if not isinstance(self.copying, bool) or not 0 <= self.dropout < 1:
            raise ConfigError(
                "copying, dropout", f"must be true or false, and from 0 to below 1, got {self.copying}, {self.dropout}"
            )
        if self.attention != ATTENTION and self.kind not in WITH_ATTENTION:
            raise ConfigError("attention", f"is a size of {', '.join(WITH_ATTENTION)}, not of {self.kind}")
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
    def recurrent(cls, **sizes: Any) -> "CaptionerConfig":
        """For a CPU."""
        return cls(**sizes)

    @classmethod
    def transformer(cls, **sizes: Any) -> "CaptionerConfig":
        """For a GPU."""
        return cls(**{"kind": "transformer", "width": 512, "hidden": 2048, **sizes})

    @classmethod
    def show_and_tell(cls, **sizes: Any) -> "CaptionerConfig":
        """Vinyals et al., 2015, with the sizes of its code."""
        return cls(**{"kind": "show-and-tell", "width": 512, "hidden": 512, "retrieved": 0, **sizes})

    @classmethod
    def lrcn(cls, **sizes: Any) -> "CaptionerConfig":
        """Donahue et al., 2015, its factored form of two layers."""
        return cls(**{"kind": "lrcn", "width": 1000, "hidden": 1000, "retrieved": 0, "dropout": 0.0, **sizes})

    @classmethod
    def show_attend_tell(cls, **sizes: Any) -> "CaptionerConfig":
        """Xu et al., 2015, soft attention, with the sizes of its code for COCO."""
        published = {"kind": "show-attend-tell", "width": 512, "hidden": 1800, "retrieved": 0, "dropout": 0.5}
        return cls(**{**published, **sizes})

    @classmethod
    def show_attend_tell_hard(cls, **sizes: Any) -> "CaptionerConfig":
        """Xu et al., 2015, hard attention."""
        return cls.show_attend_tell(**{"kind": "show-attend-tell-hard", **sizes})

    @classmethod
    def adaptive(cls, **sizes: Any) -> "CaptionerConfig":
        """Lu et al., 2017."""
        return cls(**{"kind": "adaptive", "width": 512, "hidden": 512, "retrieved": 0, "dropout": 0.5, **sizes})

    @classmethod
    def up_down(cls, **sizes: Any) -> "CaptionerConfig":
        """Anderson et al., 2018."""
        return cls(**{"kind": "up-down", "width": 1000, "hidden": 1000, "retrieved": 0, "dropout": 0.0, **sizes})

    @classmethod
    def preset(cls, kind: Kind, *, small: bool = False, **sizes: Any) -> "CaptionerConfig":
        """The preset of a kind by its name.

        Args:
            kind: its name.
            small: sizes for two cores in place of those of the paper.
            sizes: that are other than those of the preset.
        """
        return getattr(cls, kind.replace("-", "_"))(**{**(SMALL[kind] if small else {}), **sizes})
