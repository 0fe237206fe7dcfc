"""Many recordings in one file of samples, of which only those that are asked for are read."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, SupportsIndex

import numpy as np
from jaxtyping import Float

from avnet.audio.mu_law import from_mu_law, to_mu_law
from avnet.audio.pcm import EXACT, SPEECH_RATE, from_pcm, to_pcm
from avnet.errors import ModelFolderError
from avnet.files.json_file import read_json

SAMPLES, ENDS = "recordings.pcm", "recordings.json"
# How a sample is kept: in 16 bits as it was, or in 8, fine near silence and coarse where it is loud.
Encoding = Literal["linear", "mu-law"]
_FORMATS: dict[str, Encoding] = {"avnet-recordings-1": "linear", "avnet-recordings-2": "mu-law"}
_TYPES: dict[Encoding, np.dtype] = {"linear": np.dtype("<i2"), "mu-law": np.dtype(np.uint8)}


class Recordings(Sequence[np.ndarray]):
    """Waveforms by number: float32 mono in [-1, 1] at 16 kHz; kept as 16 bits or by the mu-law, in memory or in a file.

    Attributes:
        ends: int64 [n], the sample after the last of each.
    """

    def __init__(self, samples: np.ndarray, ends: np.ndarray, encoding: Encoding = "linear"):
        self._samples = samples
        self._encoding: Encoding = encoding
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
        samples = self._stored(number)
        return from_pcm(samples, EXACT) if self._encoding == "linear" else from_mu_law(samples.astype(np.int32))

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[number] for number in range(len(self)))

    def pcm(self, number: SupportsIndex) -> np.ndarray:
        """One waveform as int16."""
        samples = self._stored(number)
        return samples if self._encoding == "linear" else to_pcm(self[number], EXACT)

    def _stored(self, number: SupportsIndex) -> np.ndarray:
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
        return Recordings(self._samples, np.concatenate([np.zeros(0, np.int64), *ends]), self._encoding)

    @property
    def lengths(self) -> np.ndarray:
        """int64 [n], samples of each."""
        return np.diff(self.ends, prepend=0)


def write_recordings(folder: Path, waveforms: Iterable[Float[np.ndarray, "_"]], encoding: Encoding = "linear") -> None:
    """Writes both files into a folder, which the caller makes visible; one waveform is in memory at a time."""
    ends, total = [], 0
    with (folder / SAMPLES).open("wb") as file:
        for waveform in waveforms:
            samples = to_pcm(waveform, EXACT) if encoding == "linear" else to_mu_law(waveform).astype(np.uint8)
            file.write(samples.tobytes())
            total += len(samples)
            ends.append(total)
    name = next(name for name, known in _FORMATS.items() if known == encoding)
    (folder / ENDS).write_text(json.dumps({"format": name, "sample_rate": SPEECH_RATE, "ends": ends}) + "\n")


def open_recordings(folder: str | Path) -> Recordings:
    """Opens what `write_recordings` wrote, without reading the samples.

    Raises:
        ModelFolderError: a file is missing or damaged.
    """
    folder = Path(folder)
    try:
        header = read_json(folder / ENDS)
        if header["format"] not in _FORMATS or header["sample_rate"] != SPEECH_RATE:
            raise ValueError(f"not a file of {' or '.join(_FORMATS)} at {SPEECH_RATE} Hz")
        encoding = _FORMATS[header["format"]]
        ends = np.asarray(header["ends"])
        ends = ends if ends.size else ends.astype(np.int64)  # NumPy takes an empty list for floats
        if ends.ndim != 1 or not np.issubdtype(ends.dtype, np.integer) or (np.diff(ends, prepend=0) < 0).any():
            raise ValueError("the ends of the recordings are not in order")
        file, sample = folder / SAMPLES, _TYPES[encoding]
        if not file.is_file() or file.stat().st_size != sample.itemsize * (ends[-1] if len(ends) else 0):
            raise ValueError(f"{SAMPLES} is missing or has another length")
        # An empty file cannot be mapped.
        samples = np.memmap(file, sample, "r") if len(ends) and ends[-1] else np.zeros(0, sample)
        return Recordings(samples, ends.astype(np.int64), encoding)
    except OSError as error:
        raise ModelFolderError(folder, f"holds no recordings ({error.strerror})") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(folder, f"holds no recordings, or damaged ones ({error})") from None
