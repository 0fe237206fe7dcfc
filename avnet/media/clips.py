"""Clips of a sound: which moments to take, and taking them as it is read, so that no more than a clip is held."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from avnet.media.audio import Waveform, iterate_sound

# A clip whose mean power lies below this, relative to full scale, is silent.
SILENCE_DBFS = -60.0


def moment_times(start_s: float, end_s: float, clip_s: float, every_s: float) -> np.ndarray:
    """Evenly spaced times [n] with half a clip on either side; the middle where a clip does not fit."""
    spare = end_s - start_s - clip_s
    if spare <= 0:
        return np.array([(start_s + end_s) / 2])
    # Plus a hair, or rounding would lose the last moment where a whole number of them fits.
    return start_s + clip_s / 2 + every_s * np.arange(int(spare / every_s + 1e-6) + 1)


def clip_about(sound: Waveform, time_s: float, clip_s: float) -> np.ndarray:
    """The clip centred on a time, moved inwards at either end of the sound; silence where there is none.

    Half a clip of padding would be something that no network heard in training.
    """
    return sound.cut(_inwards(time_s, sound.start_s, sound.end_s, clip_s), clip_s)


def _inwards(time_s: float, start_s: float, end_s: float, clip_s: float) -> float:
    if start_s <= time_s <= end_s and end_s - start_s >= clip_s:
        return min(max(time_s, start_s + clip_s / 2), end_s - clip_s / 2)
    return time_s


def _cut(samples: np.ndarray, first: int, clip_s: float, sample_rate: int) -> np.ndarray:
    """The clip that begins at a sample, which may lie outside; zeros where there are none."""
    clip = np.zeros(round(clip_s * sample_rate), np.float32)
    low, high = max(first, 0), min(first + len(clip), len(samples))
    if high > low:
        clip[low - first : high - first] = samples[low:high]
    return clip


def is_silent(clip: np.ndarray) -> bool:
    """Whether a clip lies below `SILENCE_DBFS`, by its mean power relative to full scale."""
    return float(np.mean(np.square(clip))) < 10 ** (SILENCE_DBFS / 10)


@dataclass(frozen=True)
class Sound:
    """A sound that is read from its beginning each time that something of it is asked for.

    Attributes:
        parts: begins to read it; the parts follow each other without a gap.
        sample_rate: Hz.
        start_s: when it begins, in place of what its own clock says; None leaves it there.
    """

    parts: Callable[[], Iterator[Waveform]]
    sample_rate: int
    start_s: float | None = None

    @classmethod
    def of_file(
        cls, path: str | Path, sample_rate: int, audio_track: int | None = None, from_s: float = 0.0
    ) -> "Sound":
        """The sound of a file, which is refused when it is first read.

        Args:
            path: a local video or sound.
            sample_rate: Hz.
            audio_track: number of the audio track to take, from 1 on; None chooses.
            from_s: seconds before which nothing of it will be asked for.
        """
        return cls(lambda: iterate_sound(path, sample_rate, audio_track, from_s), sample_rate)

    @classmethod
    def of_waveform(cls, waveform: Waveform) -> "Sound":
        """A sound that is held already."""
        return cls(lambda: iter([waveform]), waveform.sample_rate)

    def starting_at(self, start_s: float) -> "Sound":
        """The same sound on a clock on which it begins at another time, seconds."""
        return replace(self, start_s=start_s)

    def read(self) -> Iterator[Waveform]:
        """Yields its parts, on its clock.

        Raises:
            NoAudioTrack, Damaged, MediaError: as in `read_waveform`.
        """
        if self.start_s is None:
            yield from self.parts()
            return
        length = 0
        for part in self.parts():
            yield replace(part, start_s=self.start_s + length / self.sample_rate)
            length += len(part.samples)

    def span_s(self) -> tuple[float, float]:
        """When it begins and ends, seconds: all of it is read."""
        start_s, length = 0.0, 0
        for part in self.read():
            start_s, length = (start_s if length else part.start_s), length + len(part.samples)
        return start_s, start_s + length / self.sample_rate

    def loudest(self, clip_s: float) -> tuple[float, np.ndarray]:
        """The loudest clip, to a tenth of a clip.

        Returns:
            (its middle in seconds on the sound's clock, float32 [clip_s * sample_rate]).
        """
        loudest, power = None, -1.0
        for time, clip in spaced_clips(self.read(), clip_s, clip_s / 10):
            if (mean := float(np.mean(np.square(clip)))) > power:
                loudest, power = (time, clip), mean
        assert loudest is not None  # what has no sample is refused by who reads it
        return loudest

    def clips(self, times: Iterable[float], clip_s: float) -> Iterator[np.ndarray]:
        """Yields the clips about times that ascend, float32 [clip_s * sample_rate], as `clip_about` cuts them.

        Args:
            times: seconds on the sound's clock; each is taken when its clip is asked for.
            clip_s: length of a clip, seconds.
        """
        return (clip for clip, _ in self._clips(times, clip_s))

    def clip_at(self, time_s: float, clip_s: float) -> np.ndarray | None:
        """The clip about a time, as `clip_about` cuts it; None where the sound has no such time."""
        clip, inside = next(self._clips([time_s], clip_s))
        return clip if inside else None

    def _clips(self, times: Iterable[float], clip_s: float) -> Iterator[tuple[np.ndarray, bool]]:
        """(clip, whether the sound has its time)."""
        parts = self.read()
        first = next(parts)
        held, offset, start_s, end_s = first.samples, 0, first.start_s, np.inf
        for time in times:
            # A clip is moved inwards at the end of the sound, by half its length: one more half on either side is held.
            while end_s == np.inf and (offset + len(held)) / self.sample_rate < max(time - start_s, 0.0) + clip_s:
                part = next(parts, None)
                if part is None:
                    end_s = start_s + (offset + len(held)) / self.sample_rate
                    break
                before = int((time - start_s - 2 * clip_s) * self.sample_rate) - offset
                before = min(max(before, 0), len(held))
                held, offset = np.concatenate([held[before:], part.samples]), offset + before
            middle = _inwards(time, start_s, end_s, clip_s)
            begin = round((middle - clip_s / 2 - start_s) * self.sample_rate) - offset
            yield _cut(held, begin, clip_s, self.sample_rate), start_s <= time <= end_s

    def stretch(self, start_s: float, length_s: float) -> Iterator[np.ndarray]:
        """Yields a stretch of it in parts, with zeros where it leaves the sound.

        Args:
            start_s: seconds on the sound's clock.
            length_s: seconds.
        """
        left, at = round(length_s * self.sample_rate), None
        for part in self.read():
            if at is None:
                at = round((start_s - part.start_s) * self.sample_rate)
                yield from _silence(min(left, -at), self.sample_rate)
                left, at = left - max(0, min(left, -at)), max(at, 0)
            samples = part.samples[at : at + left]
            at = max(0, at - len(part.samples))
            left -= len(samples)
            if len(samples):
                yield samples
            if not left:
                return
        yield from _silence(left, self.sample_rate)


def spaced_clips(parts: Iterator[Waveform], clip_s: float, every_s: float) -> Iterator[tuple[float, np.ndarray]]:
    """Yields the clips at the `moment_times` of a sound that is read meanwhile; no more than one clip is held.

    Args:
        parts: of the sound, as `iterate_sound` gives them.
        clip_s: length of a clip, seconds.
        every_s: between two clips, seconds.

    Yields:
        (middle of the clip in seconds, float32 [clip_s * sample_rate]), as `Waveform.cut` has it.
    """
    buffer, start_s, rate, offset, count = np.zeros(0, np.float32), 0.0, 1, 0, 0
    for part in parts:
        if not offset and not len(buffer):
            start_s, rate = part.start_s, part.sample_rate
        buffer = np.concatenate([buffer, part.samples])
        while True:
            mid_s = start_s + clip_s / 2 + every_s * count
            # As `Waveform.cut` has it; whether the last clip fits is known when the sound has ended.
            first, length = round((mid_s - clip_s / 2 - start_s) * rate) - offset, round(clip_s * rate)
            if first + length >= len(buffer):
                break
            yield mid_s, buffer[first : first + length].copy()
            count += 1
        before = min(max(first, 0), len(buffer))
        buffer, offset = buffer[before:], offset + before
    end_s = start_s + (offset + len(buffer)) / rate
    for mid_s in moment_times(start_s, end_s, clip_s, every_s)[count:].tolist():
        yield mid_s, _cut(buffer, round((mid_s - clip_s / 2 - start_s) * rate) - offset, clip_s, rate)


def _silence(length: int, sample_rate: int) -> Iterator[np.ndarray]:
    """Zeros, a second at a time."""
    for begin in range(0, max(length, 0), sample_rate):
        yield np.zeros(min(sample_rate, length - begin), np.float32)
