"""The unit strings of many recordings in one file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import SupportsIndex

import numpy as np
from jaxtyping import Int
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from avnet.audio.mfcc import HOP_S
from avnet.errors import ModelFolderError

LARGEST = 65_536


@dataclass(frozen=True)
class UnitString:
    """One recording as units.

    Attributes:
        units: int64 [n]; no two neighbours are equal.
        starts: int64 [n], first frame of each unit; a frame is 10 ms.
        frames: of the whole recording.
    """

    units: np.ndarray
    starts: np.ndarray
    frames: int

    @property
    def durations(self) -> np.ndarray:
        """int64 [n], frames of each unit."""
        return np.diff(np.append(self.starts, self.frames))


def collapse(labels: Int[np.ndarray, " steps"], frames_per_step: int = 1, frames: int | None = None) -> UnitString:
    """The string of labels, each once however long it lasts.

    Args:
        labels: of consecutive steps.
        frames_per_step: frames of 10 ms in a step.
        frames: of the recording, where its last step is not a whole one.
    """
    first = np.flatnonzero(np.diff(labels, prepend=-1))
    total = len(labels) * frames_per_step if frames is None else frames
    return UnitString(labels[first].astype(np.int64), first * frames_per_step, total)


def seconds_of(string: UnitString) -> float:
    """Length of the recording as far as it has frames."""
    return string.frames * HOP_S


class Strings(Sequence[UnitString]):
    """Unit strings by number.

    Attributes:
        units: int32 [total], of all recordings one after the other.
        starts: int32 [total], first frame of each unit within its recording.
        ends: int64 [n], place in `units` after the last of each recording.
        frames: int32 [n], of each recording.
    """

    def __init__(self, units: np.ndarray, starts: np.ndarray, ends: np.ndarray, frames: np.ndarray):
        self.units, self.starts, self.ends, self.frames = units, starts, ends, frames

    @classmethod
    def of(cls, strings: Iterable[UnitString]) -> "Strings":
        """The strings, packed."""
        strings = list(strings)
        empty = np.zeros(0, np.int32)
        return cls(
            np.concatenate([empty, *(string.units for string in strings)]).astype(np.int32),
            np.concatenate([empty, *(string.starts for string in strings)]).astype(np.int32),
            np.cumsum([len(string.units) for string in strings], dtype=np.int64),
            np.array([string.frames for string in strings], np.int32),
        )

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: SupportsIndex) -> UnitString:  # pyright: ignore[reportIncompatibleMethodOverride]: no slices
        """One string."""
        place = range(len(self.ends))[number]
        part = slice(self.ends[place - 1] if place else 0, self.ends[place])
        return UnitString(
            self.units[part].astype(np.int64), self.starts[part].astype(np.int64), int(self.frames[place])
        )

    def __iter__(self) -> Iterator[UnitString]:
        return (self[number] for number in range(len(self)))

    @property
    def lengths(self) -> np.ndarray:
        """int64 [n], units of each."""
        return np.diff(self.ends, prepend=0)

    def to_bytes(self) -> bytes:
        """The file that `read_strings` reads."""
        return save_safetensors({name: np.ascontiguousarray(array) for name, array in vars(self).items()})


def read_strings(file: Path) -> Strings:
    """Reads and checks a file of strings.

    Raises:
        ModelFolderError: it is missing or damaged.
    """
    try:
        if not file.is_file():
            raise ValueError("it is missing")
        arrays = load_safetensors(file.read_bytes())
        fields = {name: arrays[name] for name in ("units", "starts", "ends", "frames")}
        _check(**fields)
        return Strings(**fields)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelFolderError(file, f"holds no unit strings, or damaged ones ({error})") from None


def _check(units: np.ndarray, starts: np.ndarray, ends: np.ndarray, frames: np.ndarray) -> None:
    arrays = (units, starts, ends, frames)
    if not all(array.ndim == 1 and np.issubdtype(array.dtype, np.signedinteger) for array in arrays):
        raise ValueError("the arrays are not rows of whole numbers")
    total, lengths = len(units), np.diff(ends, prepend=0)
    if len(frames) != len(ends) or len(starts) != total or (ends[-1] if len(ends) else 0) != total:
        raise ValueError("the arrays do not fit each other")
    if (lengths < 0).any() or (frames < 0).any():
        raise ValueError("the ends are not in order")
    if total and not (units.min() >= 0 and units.max() < LARGEST and starts.min() >= 0):
        raise ValueError("units or frames are out of range")
    # Within a recording each unit begins after the one before and before its end.
    steps = np.diff(starts, prepend=-1)
    steps[(ends - lengths)[lengths > 0]] = 1
    owner = np.repeat(np.arange(len(ends)), lengths)
    if (steps <= 0).any() or (starts >= frames[owner]).any():
        raise ValueError("the frames of a recording are not in order")
