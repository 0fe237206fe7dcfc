"""Folders of a voice: recordings, and their strings in some units."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from avnet.cli.progress import progress
from avnet.errors import DataError, ModelFolderError
from avnet.speech.mfcc import COEFFICIENTS, FRONT, static_cepstra
from avnet.speech.recordings import open_recordings, write_recordings
from avnet.speech.selection import Voice
from avnet.speech.strings import Strings, read_strings
from avnet.whole import whole_folder

STRINGS, CEPSTRA = "strings.safetensors", "cepstra.npy"


def write_voice(
    path: Path, waveforms: Sequence[np.ndarray], strings: Strings, listed: Sequence[int] | np.ndarray
) -> None:
    """Writes a folder; it becomes visible only when it is whole.

    Args:
        path: the folder.
        waveforms: mono in [-1, 1] at 16 kHz.
        strings: of all of them.
        listed: those that the voice shall have, in order.

    Raises:
        ModelFolderError: it cannot be written.
    """
    with whole_folder(path, ModelFolderError) as temporary:
        kept = Strings.of(strings[number] for number in listed)
        cepstra = np.lib.format.open_memmap(
            temporary / CEPSTRA, "w+", np.float16, (int(kept.frames.sum()), COEFFICIENTS)
        )
        write_recordings(temporary, _noting(waveforms, listed, cepstra))
        cepstra.flush()
        (temporary / STRINGS).write_bytes(kept.to_bytes())


def _noting(
    waveforms: Sequence[np.ndarray], listed: Sequence[int] | np.ndarray, cepstra: np.ndarray
) -> Iterator[np.ndarray]:
    """Passes recordings on and writes their cepstra."""
    at = 0
    for number in progress(listed, "voice", len(listed), "recordings"):
        found = static_cepstra(waveforms[number])
        cepstra[at : at + len(found)] = found
        at += len(found)
        yield waveforms[number]


def voice_of(waveforms: Sequence[np.ndarray], strings: Strings) -> Voice:
    """A voice in memory.

    Raises:
        DataError: no recording has a unit.
    """
    found = [static_cepstra(waveform) for waveform in waveforms]
    return Voice(waveforms, strings, np.concatenate([np.zeros((0, COEFFICIENTS), np.float32), *found]))


def read_voice(path: str | Path) -> Voice:
    """Opens a voice; the samples are read when they are spoken.

    Raises:
        ModelFolderError: a file is missing, damaged or does not fit the others, or nothing is said.
    """
    path = Path(path)
    recordings, strings = open_recordings(path), read_strings(path / STRINGS)
    if len(recordings) != len(strings):
        raise ModelFolderError(path, f"has {len(recordings)} recordings and {len(strings)} strings")
    if any(strings.frames[i] > FRONT.frames(int(n)) for i, n in enumerate(recordings.lengths)):
        raise ModelFolderError(path, "has strings that are longer than their recordings")
    try:
        return Voice(recordings, strings, _cepstra(path / CEPSTRA))
    except DataError as error:
        raise ModelFolderError(path, error.reason) from None


def _cepstra(file: Path) -> np.ndarray:
    try:
        found = np.load(file, mmap_mode="r", allow_pickle=False)
        if found.ndim != 2 or found.shape[1] != COEFFICIENTS or found.dtype != np.float16:
            raise ValueError(f"{found.dtype}{found.shape}")
        return found
    except (OSError, ValueError, EOFError) as error:
        raise ModelFolderError(file, f"holds no cepstra, or damaged ones ({error})") from None
