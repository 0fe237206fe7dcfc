"""Folders of a voice: recordings, and their strings in some units."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from avnet.audio.mfcc import COEFFICIENTS, FRONT, static_cepstra
from avnet.audio.recordings import ENDS, SAMPLES, open_recordings, write_recordings
from avnet.errors import ModelFolderError
from avnet.files.artifact import Header
from avnet.files.kinds import VOICE
from avnet.synthesizers.units_folder import new_units_folder, read_units_header
from avnet.units.strings import Strings, read_strings

STRINGS, CEPSTRA = "strings.safetensors", "cepstra.npy"


@runtime_checkable
class Language(Protocol):
    """The units in which a voice is addressed."""

    @property
    def fingerprint(self) -> str:
        """Of all that decides the units of a recording."""
        ...

    @property
    def frames_per_step(self) -> int:
        """Frames of 10 ms for which one unit is chosen."""
        ...


class VoiceParts(NamedTuple):
    """What a voice consists of.

    Attributes:
        waveforms: of the recordings, mono in [-1, 1] at 16 kHz.
        strings: of all of them.
        cepstra: [frames, COEFFICIENTS], of the frames that have units, recording after recording.
        frames_per_step: frames of 10 ms for which one unit is chosen.
    """

    waveforms: Sequence[np.ndarray]
    strings: Strings
    cepstra: np.ndarray
    frames_per_step: int


def write_voice(
    path: Path,
    waveforms: Sequence[np.ndarray],
    strings: Strings,
    numbers: Sequence[int] | np.ndarray,
    units: Language,
) -> str:
    """Writes a folder; it becomes visible only when it is whole.

    Args:
        path: the folder.
        waveforms: mono in [-1, 1] at 16 kHz.
        strings: of all of them.
        numbers: those that the voice shall have, in order.
        units: of the strings.

    Returns:
        The fingerprint.

    Raises:
        ModelFolderError: it cannot be written.
    """
    with new_units_folder(path, VOICE, units.fingerprint) as draft:
        temporary = draft.folder
        own = Strings.of(strings[number] for number in numbers)
        cepstra = np.lib.format.open_memmap(
            temporary / CEPSTRA, "w+", np.float16, (int(own.frames.sum()), COEFFICIENTS)
        )
        write_recordings(temporary, _noting(waveforms, own, numbers, cepstra))
        cepstra.flush()
        (temporary / STRINGS).write_bytes(own.to_bytes())
        draft.config = {"frames_per_step": units.frames_per_step}
        draft.facts = {"recordings": len(own), "seconds": int(own.frames.sum()) / 100}
    return draft.fingerprint


def _noting(
    waveforms: Sequence[np.ndarray], strings: Strings, numbers: Sequence[int] | np.ndarray, cepstra: np.ndarray
) -> Iterator[np.ndarray]:
    """Passes recordings on and writes the cepstra of the frames that have units."""
    at = 0
    for number, frames in zip(numbers, strings.frames, strict=True):
        rows = static_cepstra(waveforms[number])[:frames]
        cepstra[at : at + len(rows)] = rows
        at += len(rows)
        yield waveforms[number]


def parts_of(waveforms: Sequence[np.ndarray], strings: Strings, units: Language) -> VoiceParts:
    """The parts of a voice in memory."""
    pairs = zip(waveforms, strings.frames, strict=True)
    rows = [static_cepstra(waveform)[:frames] for waveform, frames in pairs]
    cepstra = np.concatenate([np.zeros((0, COEFFICIENTS), np.float32), *rows])
    return VoiceParts(waveforms, strings, cepstra, units.frames_per_step)


def read_parts(path: str | Path, units: str | None = None) -> VoiceParts:
    """Opens the folder of a voice; the samples are read when they are spoken.

    Args:
        path: the folder.
        units: fingerprint of those in which it will be addressed; None takes any.

    Raises:
        ModelFolderError: it is not a voice, of an earlier or newer avnet, damaged, has parts that do not fit, or is of
            other units.
    """
    header = read_units_header(path, VOICE, units)
    path = header.folder
    with header.parsing():
        frames_per_step = check_frames_per_step(header.config["frames_per_step"])
    for name in (SAMPLES, ENDS, CEPSTRA):
        header.file(name)  # the samples are not read: they may be gigabytes
    # For its SHA-256; what is in it is checked by `read_strings`.
    header.read(STRINGS)
    recordings, strings = open_recordings(path), read_strings(path / STRINGS)
    if len(recordings) != len(strings):
        raise ModelFolderError(path, f"has {len(recordings)} recordings and {len(strings)} strings")
    if any(strings.frames[i] > FRONT.frames(int(n)) for i, n in enumerate(recordings.lengths)):
        raise ModelFolderError(path, "has strings that are longer than their recordings")
    return VoiceParts(recordings, strings, _cepstra(path / CEPSTRA), frames_per_step)


def check_frames_per_step(frames: object) -> int:
    """Refuses what is not a number of frames.

    Raises:
        ValueError: it is none from 1 to 1,000.
    """
    if isinstance(frames, bool) or not isinstance(frames, int) or not 1 <= frames <= 1_000:
        raise ValueError(f"frames_per_step is {frames!r}")
    return frames


def summary(header: Header) -> dict[str, str]:
    """What a user would ask of a voice."""
    with header.parsing():
        return {"recordings": f"{header.facts['recordings']:,}", "speech": f"{header.facts['seconds']:.0f} s"}


def _cepstra(file: Path) -> np.ndarray:
    try:
        cepstra = np.load(file, mmap_mode="r", allow_pickle=False)
        if cepstra.ndim != 2 or cepstra.shape[1] != COEFFICIENTS or cepstra.dtype != np.float16:
            raise ValueError(f"{cepstra.dtype}{cepstra.shape}")
        return cepstra
    except (OSError, ValueError, EOFError, OverflowError) as error:
        raise ModelFolderError(file, f"holds no cepstra, or damaged ones ({error})") from None
