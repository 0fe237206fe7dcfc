"""Folders of a voice: recordings, and their strings in some units."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from avnet.audio.mfcc import COEFFICIENTS, FRONT, static_cepstra
from avnet.audio.recordings import open_recordings, write_recordings
from avnet.errors import DataError, ModelFolderError
from avnet.files.facts import read_facts
from avnet.files.whole import whole_folder
from avnet.synthesizers.selection import Voice
from avnet.units.strings import Strings, read_strings

FORMAT = "avnet-voice-1"
FACTS, STRINGS, CEPSTRA = "voice.json", "strings.safetensors", "cepstra.npy"


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


def write_voice(
    path: Path,
    waveforms: Sequence[np.ndarray],
    strings: Strings,
    listed: Sequence[int] | np.ndarray,
    units: Language,
) -> None:
    """Writes a folder; it becomes visible only when it is whole.

    Args:
        path: the folder.
        waveforms: mono in [-1, 1] at 16 kHz.
        strings: of all of them.
        listed: those that the voice shall have, in order.
        units: of the strings.

    Raises:
        ModelFolderError: it cannot be written.
    """
    with whole_folder(path, ModelFolderError) as temporary:
        kept = Strings.of(strings[number] for number in listed)
        cepstra = np.lib.format.open_memmap(
            temporary / CEPSTRA, "w+", np.float16, (int(kept.frames.sum()), COEFFICIENTS)
        )
        write_recordings(temporary, _noting(waveforms, kept, listed, cepstra))
        cepstra.flush()
        (temporary / STRINGS).write_bytes(kept.to_bytes())
        facts = {"format": FORMAT, "units": units.fingerprint, "frames_per_step": units.frames_per_step}
        (temporary / FACTS).write_text(json.dumps(facts, indent=2) + "\n")


def _noting(
    waveforms: Sequence[np.ndarray], kept: Strings, listed: Sequence[int] | np.ndarray, cepstra: np.ndarray
) -> Iterator[np.ndarray]:
    """Passes recordings on and writes the cepstra of the frames that have units."""
    at = 0
    for number, frames in zip(listed, kept.frames, strict=True):
        found = static_cepstra(waveforms[number])[:frames]
        cepstra[at : at + len(found)] = found
        at += len(found)
        yield waveforms[number]


def voice_of(waveforms: Sequence[np.ndarray], strings: Strings, units: Language) -> Voice:
    """A voice in memory.

    Raises:
        DataError: no recording has a unit.
    """
    pairs = zip(waveforms, strings.frames, strict=True)
    found = [static_cepstra(waveform)[:frames] for waveform, frames in pairs]
    cepstra = np.concatenate([np.zeros((0, COEFFICIENTS), np.float32), *found])
    return Voice(waveforms, strings, cepstra, units.frames_per_step)


def read_voice(path: str | Path, units: Language) -> Voice:
    """Opens a voice; the samples are read when they are spoken.

    Args:
        path: the folder.
        units: in which it will be addressed.

    Raises:
        ModelFolderError: a file is missing, damaged or does not fit the others, nothing is said, or the voice speaks
            other units.
    """
    path = Path(path)
    _check_units(path, units)
    recordings, strings = open_recordings(path), read_strings(path / STRINGS)
    if len(recordings) != len(strings):
        raise ModelFolderError(path, f"has {len(recordings)} recordings and {len(strings)} strings")
    if any(strings.frames[i] > FRONT.frames(int(n)) for i, n in enumerate(recordings.lengths)):
        raise ModelFolderError(path, "has strings that are longer than their recordings")
    try:
        return Voice(recordings, strings, _cepstra(path / CEPSTRA), units.frames_per_step)
    except DataError as error:
        raise ModelFolderError(path, error.reason) from None


def _check_units(path: Path, units: Language) -> None:
    wanted = (units.fingerprint, units.frames_per_step)
    same = read_facts(
        path, FACTS, FORMAT, "a voice", lambda facts: (facts["units"], facts["frames_per_step"]) == wanted
    )
    if not same:
        raise ModelFolderError(path, "speaks other units than those wanted")


def _cepstra(file: Path) -> np.ndarray:
    try:
        found = np.load(file, mmap_mode="r", allow_pickle=False)
        if found.ndim != 2 or found.shape[1] != COEFFICIENTS or found.dtype != np.float16:
            raise ValueError(f"{found.dtype}{found.shape}")
        return found
    except (OSError, ValueError, EOFError, OverflowError) as error:
        raise ModelFolderError(file, f"holds no cepstra, or damaged ones ({error})") from None
