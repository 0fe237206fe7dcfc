"""What a network is: its kind, sizes and audio front end, as frozen dataclasses that are saved with every model."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self, cast

from avnet.correspondence.kinds import KINDS, NETWORKS, NetworkKind, NetworkName
from avnet.errors import ConfigError

PresetName = Literal["paper", "small"]


# The largest numbers that a configuration may hold; a hostile one would ask for terabytes.
LARGEST = {"sample_rate": 1_000_000, "clip_s": 60.0, "image_size": 4096, "n_fft": 1 << 16}
LARGEST |= dict.fromkeys(("layers", "blocks", "heads", "retrieved"), 64) | {"kernel": 255}
LARGEST |= dict.fromkeys(("retrieved_length", "longest"), 4096)
LARGEST_OTHER = 1 << 16


def check_numbers(config: Any) -> None:
    """Refuses what a file may hold in place of a number.

    Raises:
        ConfigError: a field is of another type than declared, not finite, or beyond its bound.
    """
    for item in dataclasses.fields(config):
        value = getattr(config, item.name)
        if item.type in ("bool", bool):
            if not isinstance(value, bool):
                raise ConfigError(item.name, f"wants true or false, got {value!r}")
            continue
        whole = item.type in ("int", int)
        if isinstance(value, bool) or (whole and not isinstance(value, int)):
            raise ConfigError(item.name, f"wants a whole number, got {value!r}")
        if item.type in ("float", float) and not isinstance(value, int | float):
            raise ConfigError(item.name, f"wants a number, got {value!r}")
        numbers = value if isinstance(value, tuple) else (value,)
        if item.name == "widths" and not all(isinstance(number, int) for number in numbers):
            raise ConfigError(item.name, f"wants whole numbers, got {value!r}")
        largest = LARGEST.get(item.name, LARGEST_OTHER)
        if any(isinstance(number, int | float) and not abs(number) <= largest for number in numbers):
            raise ConfigError(item.name, f"wants a number up to {largest}, got {value!r}")
    if isinstance(n_mels := getattr(config, "n_mels", None), float):
        raise ConfigError("n_mels", f"wants a whole number, got {n_mels!r}")


class Plain:
    """A dataclass of plain values, which is saved with a model.

    Attributes:
        DESCRIBES: what it is the configuration of, for refusals.
    """

    DESCRIBES: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dataclasses.asdict(cast(Any, self))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The configuration that `to_dict` wrote.

        Raises:
            ConfigError: a field is unknown or has a value that cannot be.
        """
        try:
            return cls(**cls._of_json(dict(values)))
        except (TypeError, KeyError, ValueError) as error:
            raise ConfigError("configuration", f"does not describe {cls.DESCRIBES} ({error})") from None

    @classmethod
    def _of_json(cls, values: dict[str, Any]) -> dict[str, Any]:
        """The fields, where JSON has other types for them."""
        return values


@dataclass(frozen=True)
class SpectrogramConfig:
    """The audio front end.

    Attributes:
        sample_rate: Hz.
        win_length: samples under the (periodic Hann) window.
        hop_length: samples between windows.
        n_fft: length of the transform; the window is padded with zeros at its end.
        n_mels: mel bands (HTK scale, area not normalised), or None for the linear frequency bins.
        f_min: lowest mel band's lower edge, Hz.
        f_max: highest mel band's upper edge, Hz.
        floor: added to the magnitude before the logarithm, so that silence is finite.
    """

    sample_rate: int = 48_000
    win_length: int = 480
    hop_length: int = 240
    n_fft: int = 512
    n_mels: int | None = None
    f_min: float = 50.0
    f_max: float = 20_000.0
    floor: float = 1e-3

    def __post_init__(self):
        check_numbers(self)
        if not 0 < self.hop_length <= self.win_length <= self.n_fft:
            raise ConfigError("spectrogram", "wants 0 < hop_length <= win_length <= n_fft")
        if self.n_mels is not None and not 0 <= self.f_min < self.f_max <= self.sample_rate / 2:
            raise ConfigError("spectrogram", "wants 0 <= f_min < f_max <= sample_rate / 2")
        if self.n_mels is not None and self.n_mels < 1:
            raise ConfigError("spectrogram", f"wants at least one mel band, got {self.n_mels}")
        if self.floor <= 0:
            raise ConfigError("spectrogram", f"wants a floor above 0, got {self.floor}")

    @property
    def bins(self) -> int:
        """Rows of the spectrogram: mel bands, or n_fft / 2 + 1."""
        return self.n_mels or self.n_fft // 2 + 1

    def frames(self, samples: int) -> int:
        """Columns for a clip of that many samples; windows lie wholly inside the clip."""
        return max(0, (samples - self.win_length) // self.hop_length + 1)


@dataclass(frozen=True)
class ModelConfig(Plain):
    """A network and all that it takes to run it.

    Attributes:
        network: 'ave' (AVE-Net), 'avol' (AVOL-Net) or 'l3' (L3-Net).
        image_size: side of the square training crop, pixels.
        clip_s: seconds of sound in one clip.
        widths: channels of the four convolution stages of either tower.
        embedding_size: length of the shared embedding; of L3-Net the fusion's hidden layer.
        distance_slope: AVE-Net's fc3 starts as logit difference = distance_bias - distance_slope * distance; a positive
            slope is the right sign (small distance = corresponds). A public re-implementation of the paper starts at
            1.418 and 2.437 (weights -/+0.709, biases +/-1.2186).
        distance_bias: see above.
        spectrogram: the audio front end.
    """

    DESCRIBES: ClassVar[str] = "a model"

    network: NetworkName = "ave"
    image_size: int = 224
    clip_s: float = 1.0
    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    embedding_size: int = 128
    distance_slope: float = 1.418
    distance_bias: float = 2.4372
    spectrogram: SpectrogramConfig = field(default_factory=SpectrogramConfig)

    def __post_init__(self):
        check_numbers(self)
        if self.network not in NETWORKS:
            raise ConfigError("network", f"wants one of {', '.join(NETWORKS)}, got {self.network!r}")
        if len(self.widths) != 4 or min(self.widths) < 1:
            raise ConfigError("widths", f"wants four positive channel counts, got {self.widths}")
        if self.image_size < 16 or self.image_size % 16:
            raise ConfigError("image_size", f"wants a multiple of 16, got {self.image_size}")
        if self.embedding_size < 1:
            raise ConfigError("embedding_size", f"wants at least 1, got {self.embedding_size}")
        if self.distance_slope <= 0:
            raise ConfigError("distance_slope", "must be above 0: a small distance means that the pair corresponds")
        if self.spectrogram.frames(self.clip_samples) < 16 or self.spectrogram.bins < 16:
            raise ConfigError("spectrogram", "is smaller than 16x16 for one clip; the towers halve it four times")

    @property
    def clip_samples(self) -> int:
        """Samples in one clip of sound."""
        return round(self.clip_s * self.spectrogram.sample_rate)

    @property
    def kind(self) -> NetworkKind:
        """What the network can do."""
        return KINDS[self.network]

    @property
    def title(self) -> str:
        """The network's name as published."""
        return self.kind.title

    @property
    def features(self) -> int:
        """Length of the vectors that stand for a picture or a sound: L3-Net's are its towers' pooled features."""
        return self.embedding_size if self.kind.projected else self.widths[-1]

    @classmethod
    def ave_net(cls) -> "ModelConfig":
        """AVE-Net as published: 9,541,636 trainable parameters."""
        return cls(network="ave")

    @classmethod
    def avol_net(cls) -> "ModelConfig":
        """AVOL-Net as published."""
        return cls(network="avol")

    @classmethod
    def l3_net(cls) -> "ModelConfig":
        """L3-Net as retrained in "Objects that Sound"."""
        return cls(network="l3")

    @classmethod
    def small(cls, network: NetworkName = "ave") -> "ModelConfig":
        """For a CPU: 112 pixels, log-mel 64 x 99, a quarter of the width.

        The distance head starts steeper than the paper's, at the slope that a contrastive loss over a batch needs
        (about a temperature of 0.1 on the cosine), with its zero at a distance of 1.
        """
        front = SpectrogramConfig(win_length=960, hop_length=480, n_fft=1024, n_mels=64)
        return cls(
            network=network,
            image_size=112,
            widths=(16, 32, 64, 128),
            distance_slope=10.0,
            distance_bias=10.0,
            spectrogram=front,
        )

    @classmethod
    def preset(cls, network: NetworkName, preset: PresetName) -> "ModelConfig":
        """The preset of a network by name."""
        return cls.small(network) if preset == "small" else cls(network=network)

    @classmethod
    def _of_json(cls, values: dict[str, Any]) -> dict[str, Any]:
        spectrogram = SpectrogramConfig(**values.pop("spectrogram"))
        return {**values, "widths": tuple(values["widths"]), "spectrogram": spectrogram}
