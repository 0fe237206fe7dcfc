"""The audio front end as a configuration."""

from dataclasses import dataclass
from typing import Literal, get_args

from avnet.config import at_most, check_numbers
from avnet.errors import ConfigError

MelKind = Literal["power", "magnitude", "kaldi"]
MELS: tuple[MelKind, ...] = get_args(MelKind)


@dataclass(frozen=True)
class SpectrogramConfig:
    """The audio front end.

    Attributes:
        sample_rate: Hz.
        win_length: samples under the Hann window, which is periodic, for 'kaldi' symmetric.
        hop_length: samples between windows.
        n_fft: length of the transform; the window is padded with zeros at its end.
        n_mels: mel bands (HTK scale, area not normalised), or None for the linear frequency bins.
        f_min: lowest mel band's lower edge, Hz.
        f_max: highest mel band's upper edge, Hz.
        floor: added to the magnitude before the logarithm, so that silence is finite; for 'kaldi' the least power.
        mel: what a mel band is the weighted sum of. 'power': of the power, whose root is the band's magnitude; the
            weights are triangles over Hz. 'magnitude': of the magnitude itself, as in TensorFlow and so in AudioSet's
            networks; triangles over mel, in which a frequency of zero has no weight. 'kaldi': of the power, which is
            not rooted; of each window the mean is taken off, and high frequencies are emphasized before.

    Example:
        >>> avnet.SpectrogramConfig().frames(48_000)
        199
    """

    sample_rate: int = at_most(1_000_000, 48_000)
    win_length: int = 480
    hop_length: int = 240
    n_fft: int = 512
    n_mels: int | None = None
    f_min: float = 50.0
    f_max: float = 20_000.0
    floor: float = 1e-3
    mel: MelKind = "power"

    def __post_init__(self):
        check_numbers(self)
        if not 0 < self.hop_length <= self.win_length <= self.n_fft:
            raise ConfigError("spectrogram", "must have 0 < hop_length <= win_length <= n_fft")
        if self.n_mels is not None and not 0 <= self.f_min < self.f_max <= self.sample_rate / 2:
            raise ConfigError("spectrogram", "must have 0 <= f_min < f_max <= sample_rate / 2")
        if self.n_mels is not None and self.n_mels < 1:
            raise ConfigError("n_mels", f"must be at least 1, got {self.n_mels}")
        if self.floor <= 0:
            raise ConfigError("floor", f"must be above 0, got {self.floor}")
        if self.mel not in MELS:
            raise ConfigError("mel", f"must be one of {', '.join(MELS)}, got {self.mel!r}")

    @property
    def bins(self) -> int:
        """Rows of the spectrogram: mel bands, or n_fft / 2 + 1."""
        return self.n_mels or self.n_fft // 2 + 1

    def frames(self, samples: int) -> int:
        """Columns for a clip of that many samples; windows lie wholly inside the clip."""
        return max(0, (samples - self.win_length) // self.hop_length + 1)
