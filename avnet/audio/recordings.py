"""Many recordings in one file of samples, of which only those that are asked for are read."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import SupportsIndex

import numpy as np
from jaxtyping import Float

from avnet.audio.pcm import EXACT, SPEECH_RATE, from_pcm, to_pcm
from avnet.errors import ModelFolderError
from avnet.files.json_file import read_json

SAMPLES, ENDS = "recordings.pcm", "recordings.json"
FORMAT = "avnet-recordings-1"


class Recordings(Sequence[np.ndarray]):
    """Waveforms by number: float32 mono in [-1, 1] at 16 kHz; kept as 16 bits, in memory or in a file.

    Attributes:
        ends: int64 [n], the sample after the last of each.
    """

    def __init__(self, samples: np.ndarray, ends: np.ndarray):
        self._samples = samples
        self.ends = ends

    @classmethod
    def of(cls, waveforms: Iterable[Float[np.ndarray, "_"]]) -> "Recordings":
        """Waveforms in [-1, 1], kept in memory."""
        parts = [to_pcm(waveform, EXACT) for waveform in waveforms]
        return cls(np.concatenate([np.zeros(0, np.int16), *parts]), np.cumsum([len(part) for part in parts], dtype=int))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: SupportsIndex) -> np.ndarray:  # pyright: ignore[reportIncompatibleMethodOverride]: no slices
        """One waveform."""
        return from_pcm(self.pcm(number), EXACT)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[number] for number in range(len(self)))

    def pcm(self, number: SupportsIndex) -> np.ndarray:
        """One waveform as int16."""
        place = range(len(self.ends))[number]
        return self._samples[self.ends[place - 1] if place else 0 : self.ends[place]]

    def in_stretches(self, longest: int) -> "Recordings":
        """The same samples, with longer recordings cut into equal parts.

        Args:
            longest: samples of a part, at most.

        Example:
            >>> Recordings.of([np.zeros(4), np.zeros(7)]).in_stretches(5).lengths.tolist()
            [4, 3, 4]
        """
        begins = self.ends - self.lengths
        counts = np.maximum(1, -(-self.lengths // longest))
        ends = [
            begin + length * np.arange(1, count + 1) // count
            for begin, length, count in zip(begins, self.lengths, counts, strict=True)
        ]
        return Recordings(self._samples, np.concatenate([np.zeros(0, np.int64), *ends]))

    @property
    def lengths(self) -> np.ndarray:
        """int64 [n], samples of each."""
        return np.diff(self.ends, prepend=0)


def write_recordings(folder: Path, waveforms: Iterable[Float[np.ndarray, "_"]]) -> None:
    """Writes both files into a folder, which the caller makes visible; one waveform is in memory at a time."""
    ends, total = [], 0
    with (folder / SAMPLES).open("wb") as file:
        for waveform in waveforms:
            # Two bytes a sample.
            total += file.write(to_pcm(waveform, EXACT).tobytes()) // 2
            ends.append(total)
    (folder / ENDS).write_text(json.dumps({"format": FORMAT, "sample_rate": SPEECH_RATE, "ends": ends}) + "\n")


def open_recordings(folder: str | Path) -> Recordings:
    """Opens what `write_recordings` wrote, without reading the samples.

    Raises:
        ModelFolderError: a file is missing or damaged.
    """
    folder = Path(folder)
    try:
        header = read_json(folder / ENDS)
        if header["format"] != FORMAT or header["sample_rate"] != SPEECH_RATE:
            raise ValueError(f"not a file of {FORMAT}")
        ends = np.asarray(header["ends"])
        ends = ends if ends.size else ends.astype(np.int64)  # NumPy takes an empty list for floats
        if ends.ndim != 1 or not np.issubdtype(ends.dtype, np.integer) or (np.diff(ends, prepend=0) < 0).any():
            raise ValueError("the ends of the recordings are not in order")
        if not (folder / SAMPLES).is_file() or (folder / SAMPLES).stat().st_size != 2 * (ends[-1] if len(ends) else 0):
            raise ValueError(f"{SAMPLES} is missing or has another length")
        # An empty file cannot be mapped.
        samples = np.memmap(folder / SAMPLES, "<i2", "r") if len(ends) and ends[-1] else np.zeros(0, np.int16)
        return Recordings(samples, ends.astype(np.int64))
    except OSError as error:
        raise ModelFolderError(folder, f"holds no recordings ({error.strerror})") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(folder, f"holds no recordings, or damaged ones ({error})") from None
