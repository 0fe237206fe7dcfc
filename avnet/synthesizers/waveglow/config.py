"""The sizes of a WaveGlow."""

from dataclasses import dataclass
from typing import ClassVar

from avnet.config import Plain, check_numbers
from avnet.errors import ConfigError
from avnet.synthesizers.mel.acoustics import BANDS, HOP

# What no size may be beyond, by field; a layer looks 2 ** (layers - 1) groups far.
_LARGEST = {"group": HOP, "steps": 64, "early_every": 64, "width": 4096, "layers": 12}


@dataclass(frozen=True)
class WaveGlowConfig(Plain):
    """Sizes of a WaveGlow, from log-mel spectra of 80 bands every 10 ms to 16 kHz.

    Attributes:
        group: samples that are one vector of channels; even, and a divisor of the 160 samples of a frame.
        steps: of the flow, each an invertible matrix and an affine coupling.
        early_every: steps after which some channels leave the flow.
        early_size: channels that leave at a time, even; 0 keeps all to the end.
        width: features inside a coupling network.
        layers: of a coupling network; each looks twice as far as the one before.
        upsampling_kernel: samples that a frame is spread over by a transposed convolution that is learned; 0 for
            linear interpolation instead.
        log_scale_bound: the largest logarithm by which a coupling scales, kept by a tanh; 0 for no bound.

    Example:
        >>> WaveGlowConfig.small().channels(4)
        8
    """

    DESCRIBES: ClassVar[str] = "a WaveGlow"

    group: int = 8
    steps: int = 12
    early_every: int = 4
    early_size: int = 2
    width: int = 256
    layers: int = 8
    upsampling_kernel: int = 1024
    log_scale_bound: float = 0.0

    def __post_init__(self):
        check_numbers(self)
        for name, largest in _LARGEST.items():
            if not 1 <= (size := getattr(self, name)) <= largest:
                raise ConfigError(name, f"must be from 1 to {largest}, got {size}")
        if self.group % 2 or HOP % self.group:
            raise ConfigError("group", f"must be even and divide {HOP}, got {self.group}")
        if self.early_size < 0 or self.early_size % 2:
            raise ConfigError("early_size", f"must be 0 or an even number, got {self.early_size}")
        if (left := self.channels(self.steps - 1)) < 2:
            raise ConfigError("early_size", f"must leave two channels or more to the last step, leaves {left}")
        if self.upsampling_kernel and not HOP <= self.upsampling_kernel <= 8192:
            raise ConfigError("upsampling_kernel", f"must be 0 or from {HOP} to 8192, got {self.upsampling_kernel}")
        if not 0 <= self.log_scale_bound <= 20:
            raise ConfigError("log_scale_bound", f"must be from 0 to 20, got {self.log_scale_bound}")

    @classmethod
    def published(cls) -> "WaveGlowConfig":
        """The released network, half as wide as that of the paper: 87.9 million parameters."""
        return cls()

    @classmethod
    def small(cls) -> "WaveGlowConfig":
        """For a CPU: 1.6 million parameters, spectra interpolated, scales bounded."""
        return cls(16, 6, 2, 4, width=64, layers=6, upsampling_kernel=0, log_scale_bound=5.0)

    def channels(self, step: int) -> int:
        """Channels that are still in the flow in a step, counted from 0."""
        return self.group - self.early_size * (step // self.early_every)

    def leave_before(self, step: int) -> bool:
        """Whether channels leave the flow before a step."""
        return self.early_size > 0 and step > 0 and step % self.early_every == 0

    @property
    def groups_per_frame(self) -> int:
        """Vectors of channels in 10 ms."""
        return HOP // self.group

    @property
    def condition(self) -> int:
        """Features of the spectrum that a group is told."""
        return BANDS * self.group if self.upsampling_kernel else BANDS
