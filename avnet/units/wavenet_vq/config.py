"""Sizes of a WaveNet-VQ and of its decoders."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

from avnet.config import Plain, at_most, check_numbers
from avnet.errors import ConfigError

DecoderKind = Literal["frames", "wavenet"]
# Frames of 10 ms for which there is one code.
FRAMES_PER_CODE = 2
# Classes of mu-law samples.
CLASSES = 256


@dataclass(frozen=True)
class FrameDecoderConfig:
    """Sizes of the decoder that says log-mel spectra, and is told the pitch.

    Attributes:
        kind: of decoder.
        width: features of a frame.
        convolutions: residual ones, one after the other.
        kernel: frames under each of them, odd.
    """

    kind: Literal["frames"] = "frames"
    width: int = at_most(4096, 256)
    convolutions: int = at_most(16, 4)
    kernel: int = at_most(255, 5)

    def __post_init__(self):
        check_numbers(self)
        _check_kind(self)
        if min(self.width, self.convolutions, self.kernel) < 1 or self.kernel % 2 == 0:
            raise ConfigError("frame decoder", "must have a width, convolutions, and an odd kernel")


@dataclass(frozen=True)
class WaveNetConfig:
    """Sizes of the decoder that says samples, one after the other.

    Attributes:
        kind: of decoder.
        sample_rate: Hz, 16,000 or 8,000.
        cycles: of dilations 1, 2, 4, ...
        layers: in a cycle.
        width: features of a sample.
        skip: features that go from each layer to the end.
        condition: features of what codes and speaker tell.

    Example:
        >>> WaveNetConfig().receptive_field, WaveNetConfig.tiny().receptive_field
        (4093, 253)
    """

    kind: Literal["wavenet"] = "wavenet"
    sample_rate: int = 16_000
    cycles: int = at_most(8, 2)
    layers: int = at_most(14, 10)
    width: int = at_most(4096, 368)
    skip: int = at_most(4096, 256)
    condition: int = at_most(4096, 128)

    def __post_init__(self):
        check_numbers(self)
        _check_kind(self)
        if self.sample_rate not in (8_000, 16_000):
            raise ConfigError("sample_rate", f"must be 8000 or 16000 Hz, got {self.sample_rate}")
        if min(self.cycles, self.layers, self.width, self.skip, self.condition) < 1:
            raise ConfigError("WaveNet", "must have sizes of at least 1")

    @classmethod
    def tiny(cls) -> "WaveNetConfig":
        """For a CPU: half the samples, six layers in a cycle, a sixth of the width."""
        return cls(sample_rate=8_000, layers=6, width=64, skip=64, condition=64)

    @property
    def dilations(self) -> tuple[int, ...]:
        """Samples between the three that each layer sees."""
        return tuple(2**i for i in range(self.layers)) * self.cycles

    @property
    def receptive_field(self) -> int:
        """Past samples that one sample is said from."""
        return 1 + 2 * sum(self.dilations)

    @property
    def samples_per_code(self) -> int:
        """Samples for which there is one code."""
        return self.sample_rate * FRAMES_PER_CODE // 100


DecoderConfig = FrameDecoderConfig | WaveNetConfig
# The sizes of each kind of decoder, as published and for a CPU.
_DECODERS: dict[DecoderKind, type[DecoderConfig]] = {"frames": FrameDecoderConfig, "wavenet": WaveNetConfig}
_SMALL: dict[DecoderKind, Callable[[], DecoderConfig]] = {"frames": FrameDecoderConfig, "wavenet": WaveNetConfig.tiny}


@dataclass(frozen=True)
class WaveNetVQConfig(Plain):
    """Sizes of a WaveNet-VQ: what hears, the codes, and what says them again.

    Attributes:
        codes: how many there are.
        width: features of a frame in the encoder.
        features: of a code.
        decay: of the moving averages that codes follow.
        jitter: how probable it is, in training, that the code before takes the place of one, and that the one after it
            does.
        speakers: that the decoder tells apart; 0 is for one.
        decoder: its sizes.

    Example:
        >>> WaveNetVQConfig.published().decoder.dilations[-1]
        512
    """

    DESCRIBES: ClassVar[str] = "a WaveNet-VQ"

    codes: int = 256
    width: int = at_most(4096, 768)
    features: int = at_most(4096, 64)
    decay: float = 0.99
    jitter: float = 0.12
    speakers: int = 0
    decoder: DecoderConfig = field(default_factory=WaveNetConfig)

    def __post_init__(self):
        check_numbers(self)
        if not isinstance(self.decoder, DecoderConfig):
            raise ConfigError("decoder", f"must be sizes of a decoder, got {self.decoder!r}")
        if self.codes < 2 or min(self.width, self.features) < 1 or self.speakers < 0:
            raise ConfigError(
                "WaveNet-VQ", "must have two codes at least, a width, features, and no fewer speakers than 0"
            )
        if not 0 < self.decay < 1:
            raise ConfigError("decay", f"must be between 0 and 1, got {self.decay}")
        if not 0 <= self.jitter < 0.5:
            raise ConfigError("jitter", f"must be at least 0 and below 0.5, got {self.jitter}")

    @classmethod
    def published(cls, codes: int = 256, speakers: int = 0, decoder: DecoderKind = "wavenet") -> "WaveNetVQConfig":
        """As Chorowski et al. (2019); with `decoder="frames"` the encoder alone is theirs."""
        return cls(codes, speakers=speakers, decoder=_DECODERS[decoder]())

    @classmethod
    def small(cls, codes: int = 256, speakers: int = 0, decoder: DecoderKind = "frames") -> "WaveNetVQConfig":
        """For a CPU: a quarter of the width, and a tiny WaveNet."""
        return cls(codes, width=192, speakers=speakers, decoder=_SMALL[decoder]())

    @classmethod
    def _of_json(cls, values: dict[str, Any]) -> dict[str, Any]:
        decoder = dict(values.pop("decoder"))
        return {**values, "decoder": _DECODERS[decoder["kind"]](**decoder)}


def _check_kind(config: DecoderConfig) -> None:
    kind = type(config).__dataclass_fields__["kind"].default
    if config.kind != kind:
        raise ConfigError("kind", f"must be {kind!r} of {' and '.join(get_args(DecoderKind))}, got {config.kind!r}")
