"""Recordings of speech, read for training: what has no speech in it is refused."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import AvnetError, NoSpeech, Silent, TooLarge, TooShort
from avnet.media.audio import iterate_sound
from avnet.program.progress import progress
from data.runners.threads import in_order
from data.sampling.measures import loudness_dbfs, voiced_s
from data.spoken.config import MAX_S, MIN_S

# Nothing is said in a recording whose loudest 100 ms lie below this, dB relative to full scale.
SILENCE_DBFS = -50.0
# A French "quatre" has 0.06 s of voice. Deep noise may have as much by chance; words are not given up for it.
MIN_VOICE_S = 0.05

Result = TypeVar("Result")


def read_speech(path: str | Path, rate: int = SPEECH_RATE, min_s: float = MIN_S, max_s: float = MAX_S) -> np.ndarray:
    """Reads a recording of speech.

    Args:
        path: a sound file, or a video with sound.
        rate: Hz of the result.
        min_s: shorter ones are refused, seconds.
        max_s: longer ones are refused, seconds; no more of them is decoded.

    Returns:
        float32 [n] mono in [-1, 1].

    Raises:
        TooShort, TooLarge: its length is out of range.
        Silent: nothing can be heard in it.
        NoSpeech: what can be heard is no voice.
        MediaError: it cannot be read.
    """
    parts, samples = [], 0
    for part in iterate_sound(path, rate):
        parts.append(part.samples)
        samples += len(part.samples)
        # While it is read: a file that claims to be speech may last for hours.
        if samples > max_s * rate:
            raise TooLarge(path, f"is longer than {max_s:g} s")
    waveform = np.concatenate(parts)
    check_speech(path, waveform, rate, min_s)
    return waveform


def check_speech(path: str | Path, waveform: np.ndarray, rate: int, min_s: float = MIN_S) -> None:
    """Refuses a waveform, float [n] in [-1, 1], in which nobody speaks.

    Raises:
        TooShort, Silent, NoSpeech: as in `read_speech`.
    """
    if len(waveform) < min_s * rate:
        raise TooShort(path, f"lasts {len(waveform) / rate:.2f} s; {min_s:g} s are needed")
    if loudness_dbfs(waveform, rate // 10) < SILENCE_DBFS:
        raise Silent(path, f"is silent (below {SILENCE_DBFS:g} dBFS throughout)")
    if voiced_s(waveform, rate) < MIN_VOICE_S:
        raise NoSpeech(path, "has no voice in it")


def read_each(
    paths: Sequence[Path], read: Callable[[Path], Result] = read_speech, workers: int = 0
) -> Iterator[tuple[Path, Result | AvnetError]]:
    """Reads many recordings in parallel threads, and yields each, or why it cannot be used, in the order of `paths`.

    A few more than there are threads are held in memory at once.

    Args:
        paths: of the recordings.
        read: what to make of each, in its thread; it may go on to what is smaller than a waveform.
        workers: threads; 0 takes as many as there are cores.
    """

    def attempt(path: Path) -> tuple[Path, Result | AvnetError]:
        try:
            return path, read(path)
        except AvnetError as error:
            return path, error

    yield from progress(in_order(attempt, paths, workers), "reading", len(paths), "recordings")
