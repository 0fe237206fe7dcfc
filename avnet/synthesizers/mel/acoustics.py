"""How each speech unit sounds on average, and how long it lasts: measured on recordings with their strings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import save as save_safetensors

from avnet.audio.config import SpectrogramConfig
from avnet.audio.pcm import SPEECH_RATE
from avnet.audio.spectrogram import log_spectrogram
from avnet.errors import ConfigError, DataError
from avnet.files.artifact import WEIGHTS, Draft, Header
from avnet.files.kinds import ACOUSTICS
from avnet.synthesizers.units_folder import UnitsFolder
from avnet.units.kmeans import MAX_UNITS
from avnet.units.strings import UnitString

HOP, BANDS = 160, 80
MEL = SpectrogramConfig(
    sample_rate=SPEECH_RATE, win_length=512, hop_length=HOP, n_fft=512, n_mels=BANDS, f_min=20, f_max=8_000
)
# Samples of the window that a frame of units is seen through: 25 ms.
WINDOW = 400


def lateness(frames_per_step: int = 1) -> int:
    """Samples from the first of a unit to the first that it stands for; negative where these begin earlier.

    A step of one or more frames is centred on the window of its first frame: by k-means it is that window, and the
    strided convolutions behind grounded units have their middle there.

    Args:
        frames_per_step: frames of 10 ms for which one unit is chosen.
    """
    return (WINDOW - frames_per_step * HOP) // 2


@dataclass(frozen=True)
class UnitAcoustics(UnitsFolder):
    """The sound and the length of units.

    Attributes:
        log_mel: float32 [K, 80], mean over a unit's frames of `MEL` (natural logarithm of magnitude).
        frames: float32 [K], mean duration in frames of 10 ms; 0 for a unit that was never said.
        spread: float32 [K], standard deviation of the duration.
    """

    KIND = ACOUSTICS

    log_mel: np.ndarray
    frames: np.ndarray
    spread: np.ndarray

    def __post_init__(self):
        count = len(self.log_mel)
        if self.log_mel.shape != (count, BANDS) or not 1 <= count <= MAX_UNITS:
            raise ConfigError("log_mel", f"must have 1 to {MAX_UNITS} rows of {BANDS}, got {self.log_mel.shape}")
        if self.frames.shape != (count,) or self.spread.shape != (count,):
            raise ConfigError("frames, spread", f"must be {count} numbers each")
        if not all(np.isfinite(part).all() for part in (self.log_mel, self.frames, self.spread)):
            raise ConfigError("log_mel, frames, spread", "must be finite numbers")
        if self.frames.min() < 0 or self.spread.min() < 0 or np.abs(self.log_mel).max() > 50 or self.frames.max() > 1e3:
            raise ConfigError("log_mel, frames, spread", "are out of the range of speech")

    @classmethod
    def of_header(cls, header: Header) -> "UnitAcoustics":
        """See `UnitsFolder.of_header`."""
        arrays = header.arrays()
        with header.parsing():
            return cls(*(np.asarray(arrays[name], np.float32) for name in ("log_mel", "frames", "spread")))

    def fill(self, draft: Draft) -> None:
        """See `UnitsFolder.fill`."""
        arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in vars(self).items()}
        draft.facts = {"units": len(self.log_mel), "known": len(self.vocabulary)}
        (draft.folder / WEIGHTS).write_bytes(save_safetensors(arrays))

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a table."""
        with header.parsing():
            return {"units": f"{header.facts['known']:,} of {header.facts['units']:,} have a sound"}

    @property
    def vocabulary(self) -> Int[np.ndarray, " known"]:
        """The units that were ever said."""
        return np.flatnonzero(self.frames > 0)

    def durations(self, units: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """Whole frames of each unit of a string, at least 1; roundings do not add up over the string."""
        ends = np.rint(np.cumsum(np.maximum(self.frames[units], 1.0))).astype(np.int64)
        return np.maximum(np.diff(ends, prepend=0), 1)


def measure_acoustics(
    waveforms: Sequence[Float[np.ndarray, "_"]], strings: Sequence[UnitString], count: int, frames_per_step: int = 1
) -> UnitAcoustics:
    """Averages over all occurrences of each unit.

    Args:
        waveforms: mono in [-1, 1] at 16 kHz.
        strings: of the recordings, in the same order.
        count: of units there are.
        frames_per_step: frames of 10 ms for which one unit was chosen.

    Raises:
        DataError: no recording has a unit, or a string has units beyond `count`.
    """
    if len(waveforms) != len(strings):
        raise DataError("strings", f"are {len(strings)} for {len(waveforms)} recordings")
    units = np.concatenate([np.zeros(0, np.int64), *(string.units for string in strings)]).astype(np.int64)
    if not len(units) or units.min() < 0 or units.max() >= count:
        raise DataError("strings", f"must hold units from 0 to {count - 1}, at least one")
    total, frames = np.zeros((count, BANDS)), np.zeros(count)
    for waveform, string in zip(waveforms, strings, strict=True):
        labels = np.repeat(string.units, string.durations)
        mel = frames_of_mel(waveform, len(labels), lateness(frames_per_step))
        # Not `total[labels] += mel`, which adds once for a label that comes several times.
        np.add.at(total, labels, mel)
        np.add.at(frames, labels, 1)
    durations = np.concatenate([string.durations for string in strings]).astype(float)
    counts = np.maximum(np.bincount(units, minlength=count), 1)
    mean = np.bincount(units, durations, count) / counts
    square = np.bincount(units, np.square(durations - mean[units]), count) / counts
    # What was never said is silence; a logarithm of 0 would be loud.
    log_mel = np.where(frames[:, None] > 0, total / np.maximum(frames, 1)[:, None], np.log(MEL.floor))
    return UnitAcoustics(log_mel.astype(np.float32), mean.astype(np.float32), np.sqrt(square).astype(np.float32))


def middles(waveform: Float[np.ndarray, "_"], frames: int, late: int) -> Float[np.ndarray, " same"]:
    """A stretch of 10 ms for each frame, padded with silence where there is no more sound.

    Args:
        waveform: mono at 16 kHz.
        frames: that are wanted.
        late: samples before the first; where it is negative, silence comes first.
    """
    stretch = np.pad(np.asarray(waveform, np.float32), (max(0, -late), 0))[max(0, late) :][: frames * HOP]
    return np.pad(stretch, (0, frames * HOP - len(stretch)))


def frames_of_mel(waveform: Float[np.ndarray, "_"], frames: int, late: int) -> Float[np.ndarray, "frames 80"]:
    """The log-mel spectrum around each frame of `middles`; compiled for whole seconds, so for few lengths."""
    before = (MEL.win_length - HOP) // 2 - late
    padded = np.pad(np.asarray(waveform, np.float32), (before, 0))[: (frames - 1) * HOP + MEL.win_length]
    seconds = -(-((frames - 1) * HOP + MEL.win_length) // SPEECH_RATE)
    padded = np.pad(padded, (0, seconds * SPEECH_RATE - len(padded)))
    return np.asarray(log_spectrogram(padded[None], MEL))[0, :, :frames, 0].T
