"""Folders of a voice: recordings, and their strings in some units."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from avnet.audio.mfcc import COEFFICIENTS, FRONT, static_cepstra
from avnet.audio.recordings import ENDS, SAMPLES, Encoding, open_recordings, write_recordings
from avnet.errors import ModelFolderError
from avnet.events import Listener, nobody, steps
from avnet.files.artifact import Header
from avnet.files.kinds import VOICE
from avnet.synthesizers.source_filter.parameters import HIGHEST_F0
from avnet.synthesizers.source_filter.pitch import pitch
from avnet.synthesizers.units_folder import new_units_folder, read_units_header
from avnet.units.strings import Strings, read_strings

STRINGS, CEPSTRA, PITCH = "strings.safetensors", "cepstra.npy", "pitch.npy"


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
        hertz: [frames], pitch of the same frames, 0 where there is none.
        frames_per_step: frames of 10 ms for which one unit is chosen.
    """

    waveforms: Sequence[np.ndarray]
    strings: Strings
    cepstra: np.ndarray
    hertz: np.ndarray
    frames_per_step: int


def write_voice(
    path: Path,
    waveforms: Sequence[np.ndarray],
    strings: Strings,
    numbers: Sequence[int] | np.ndarray,
    units: Language,
    encoding: Encoding = "linear",
    on_event: Listener = nobody,
) -> str:
    """Writes a folder; it becomes visible only when it is whole.

    Args:
        path: the folder.
        waveforms: mono in [-1, 1] at 16 kHz.
        strings: of all of them.
        numbers: those that the voice shall have, in order.
        units: of the strings.
        encoding: of samples; by the mu-law a voice takes half of the space.
        on_event: is told of progress.

    Returns:
        The fingerprint.

    Raises:
        ModelFolderError: it cannot be written.
    """
    with new_units_folder(path, VOICE, units.fingerprint) as draft:
        temporary = draft.folder
        own = Strings.of(strings[number] for number in numbers)
        frames = int(own.frames.sum())
        cepstra = np.lib.format.open_memmap(temporary / CEPSTRA, "w+", np.float16, (frames, COEFFICIENTS))
        hertz = np.zeros(frames, np.float16)
        passed = steps(numbers, "measuring a voice", len(numbers), "recordings", on_event)
        write_recordings(temporary, _noting(waveforms, own, passed, cepstra, hertz), encoding)
        cepstra.flush()
        np.save(temporary / PITCH, hertz)
        (temporary / STRINGS).write_bytes(own.to_bytes())
        draft.config = {"frames_per_step": units.frames_per_step}
        draft.facts = {"recordings": len(own), "seconds": int(own.frames.sum()) / 100}
    return draft.fingerprint


def _noting(
    waveforms: Sequence[np.ndarray],
    strings: Strings,
    numbers: Iterable[int],
    cepstra: np.ndarray,
    hertz: np.ndarray,
) -> Iterator[np.ndarray]:
    """Passes recordings on and notes the cepstra and the pitch of the frames that have units."""
    at = 0
    for number, frames in zip(numbers, strings.frames, strict=True):
        waveform = waveforms[number]
        rows = slice(at, at + int(frames))
        cepstra[rows], hertz[rows] = static_cepstra(waveform)[:frames], pitch_of(waveform, int(frames))
        at += int(frames)
        yield waveform


def pitch_of(waveform: Float[np.ndarray, " samples"], frames: int) -> Float[np.ndarray, " frames"]:
    """The pitch of the first frames of 10 ms in Hz, 0 where there is none."""
    # Of every 5 ms; every other of these has its middle where a window of 25 ms has it, from the third on.
    log_f0, voiced = pitch(waveform, 2 * frames + 2)
    return (np.exp(log_f0) * voiced)[2::2]


def parts_of(
    waveforms: Sequence[np.ndarray], strings: Strings, units: Language, on_event: Listener = nobody
) -> VoiceParts:
    """The parts of a voice in memory."""
    frames = int(strings.frames.sum())
    cepstra, hertz = np.zeros((frames, COEFFICIENTS), np.float32), np.zeros(frames, np.float32)
    passed = steps(range(len(waveforms)), "measuring a voice", len(waveforms), "recordings", on_event)
    for _ in _noting(waveforms, strings, passed, cepstra, hertz):
        pass
    return VoiceParts(waveforms, strings, cepstra, hertz, units.frames_per_step)


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
    cepstra = _rows(path / CEPSTRA, (COEFFICIENTS,), "cepstra")
    # Voices had no pitch until November 2026; then it decides nothing.
    hertz = _hertz(header.file(PITCH)) if PITCH in header.files else np.zeros(len(cepstra), np.float16)
    return VoiceParts(recordings, strings, cepstra, hertz, frames_per_step)


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


def _rows(file: Path, rest: tuple[int, ...], what: str) -> np.ndarray:
    """Opens numbers of frames, float16 [frames, *rest], without reading them."""
    try:
        rows = np.load(file, mmap_mode="r", allow_pickle=False)
        if rows.ndim != 1 + len(rest) or rows.shape[1:] != rest or rows.dtype != np.float16:
            raise ValueError(f"{rows.dtype}{rows.shape}")
        return rows
    except (OSError, ValueError, EOFError, OverflowError) as error:
        raise ModelFolderError(file, f"holds no {what}, or damaged ones ({error})") from None


def _hertz(file: Path) -> np.ndarray:
    hertz = _rows(file, (), "pitch")
    # The comparison is false for what is no number.
    if len(hertz) and not (hertz.min() >= 0 and hertz.max() <= HIGHEST_F0):
        raise ModelFolderError(file, f"holds a pitch that is not from 0 to {HIGHEST_F0:.0f} Hz")
    return hertz
