"""What a describer is: its kind and sizes, saved with every model."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from avnet.config import Plain, check_numbers
from avnet.errors import ConfigError

Kind = Literal["recurrent", "transformer"]


@dataclass(frozen=True)
class DescriberConfig(Plain):
    """A describer.

    Attributes:
        kind: 'recurrent' with attention, for a CPU; or 'transformer', for a GPU.
        pieces: that it chooses from, without begin, end and padding.
        image_features: channels of a picture's grid.
        width: of its layers; also of the embedding of a piece.
        hidden: units of an LSTM, or width of a Transformer's inner layer.
        layers: of a Transformer.
        heads: of a Transformer.
        retrieved: descriptions of similar pictures that it sees, at most.
        retrieved_length: pieces of each that it sees.
        copying: whether pieces may be copied from them.
        dropout: in training.
        longest: pieces of a description, at most.
    """

    DESCRIBES: ClassVar[str] = "a describer"

    kind: Kind = "recurrent"
    pieces: int = 2000
    image_features: int = 1280
    width: int = 256
    hidden: int = 384
    layers: int = 3
    heads: int = 8
    retrieved: int = 4
    retrieved_length: int = 48
    copying: bool = True
    dropout: float = 0.3
    longest: int = 128

    def __post_init__(self):
        check_numbers(self)
        if self.kind not in ("recurrent", "transformer"):
            raise ConfigError("kind", f"wants 'recurrent' or 'transformer', got {self.kind!r}")
        positive = ("pieces", "image_features", "width", "hidden", "layers", "heads", "retrieved_length", "longest")
        if min(getattr(self, name) for name in positive) < 1 or self.retrieved < 0:
            raise ConfigError("describer", f"wants positive sizes, got {self}")
        if self.kind == "transformer" and self.width % (2 * self.heads):
            raise ConfigError("width, heads", f"want an even number for each head, got {self.width} / {self.heads}")
        if not isinstance(self.copying, bool) or not 0 <= self.dropout < 1:
            raise ConfigError("copying, dropout", f"want a truth value and a share, got {self.copying}, {self.dropout}")

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
    def recurrent(cls, **sizes: Any) -> "DescriberConfig":
        """For a CPU."""
        return cls(**sizes)

    @classmethod
    def transformer(cls, **sizes: Any) -> "DescriberConfig":
        """For a GPU."""
        return cls(**{"kind": "transformer", "width": 512, "hidden": 2048, **sizes})
