"""The sound of a file, mono, at one sample rate, placed on the container's clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import numpy as np

from avnet.errors import Damaged, NoAudioTrack
from avnet.media.container import open_container, sound_stream

SAMPLE_RATE = 48_000
# Of a source, Hz; a header that claims another would make a small file hours long.
MIN_RATE, MAX_RATE = 2_000, 768_000
MAX_GAP_S = 600.0


@dataclass(frozen=True)
class Waveform:
    """A stretch of mono sound.

    Attributes:
        samples: float32 [n] in [-1, 1].
        start_s: the time of the first sample, seconds.
        sample_rate: Hz.
    """

    samples: np.ndarray
    start_s: float
    sample_rate: int

    @property
    def end_s(self) -> float:
        """The time just after the last sample, seconds."""
        return self.start_s + len(self.samples) / self.sample_rate

    def cut(self, mid_s: float, clip_s: float) -> np.ndarray:
        """The clip whose mid-point lies at a given time.

        Args:
            mid_s: seconds on the container's clock.
            clip_s: length in seconds.

        Returns:
            float32 [clip_s * sample_rate]; zeros where the clip leaves the recording.
        """
        n = round(clip_s * self.sample_rate)
        first = round((mid_s - clip_s / 2 - self.start_s) * self.sample_rate)
        clip = np.zeros(n, np.float32)
        low, high = max(first, 0), min(first + n, len(self.samples))
        if high > low:
            clip[low - first : high - first] = self.samples[low:high]
        return clip


def read_waveform(path: str | Path, sample_rate: int = SAMPLE_RATE) -> Waveform:
    """Reads the whole first audio stream of a file.

    Channels are averaged; gaps between time stamps longer than 20 ms and shorter than 10 minutes are filled with
    silence, so that sample i is at `start_s + i / sample_rate`.

    Args:
        path: a local video or sound.
        sample_rate: Hz of the result.

    Returns:
        The sound.

    Raises:
        NoAudioTrack: there is no audio stream.
        Damaged: no sample could be decoded.
        MediaError: the file cannot be read.
    """
    with open_container(path) as container:
        stream = sound_stream(container)
        if stream is None:
            raise NoAudioTrack(path, "has no audio track")
        if not MIN_RATE <= stream.rate <= MAX_RATE:
            raise Damaged(path, f"claims sound at {stream.rate} Hz; {MIN_RATE} to {MAX_RATE} are accepted")
        collector = _Collector(sample_rate)
        for part in _resampled(_decoded(container, stream), sample_rate):
            collector.add(part)
    if not collector.parts:
        raise Damaged(path, "has no sound that can be decoded")
    return Waveform(np.concatenate(collector.parts), collector.start_s, sample_rate)


def _decoded(container, stream) -> Iterator[av.AudioFrame]:
    """What can be decoded before the first damage; nothing at all is refused by the caller."""
    try:
        for frame in container.decode(stream):
            if not frame.is_corrupt and frame.rate > 0:
                yield frame
    except av.error.FFmpegError:
        return


def _resampled(frames: Iterator[av.AudioFrame], sample_rate: int) -> Iterator[av.AudioFrame]:
    """Float frames [channels, n] at one rate; a stream may change its format on the way."""
    resampler, now = None, None
    for frame in frames:
        kind = (frame.format.name, frame.layout.name, frame.rate)
        if kind != now:
            yield from resampler.resample(None) if resampler else ()
            # The layout is kept: FFmpeg's own mono is louder than the mean by 3 dB and clips.
            resampler, now = av.AudioResampler(format="fltp", rate=sample_rate), kind
        if resampler:
            yield from resampler.resample(frame)
    yield from resampler.resample(None) if resampler else ()


class _Collector:
    """Joins resampled parts on the clock of their time stamps."""

    def __init__(self, sample_rate: int):
        self.sample_rate = sample_rate
        self.parts: list[np.ndarray] = []
        self.start_s = 0.0
        self.length = 0

    def add(self, part: av.AudioFrame) -> None:
        samples = np.clip(np.nan_to_num(part.to_ndarray().mean(axis=0)), -1.0, 1.0)
        if not self.parts:
            self.start_s = float(part.time or 0.0)
        elif part.time is not None:
            gap = round((part.time - self.start_s) * self.sample_rate) - self.length
            # A longer jump would be a damaged time stamp, not a pause: what follows it comes at once.
            if 0.02 * self.sample_rate < gap < MAX_GAP_S * self.sample_rate:
                self.parts.append(np.zeros(gap, np.float32))
                self.length += gap
        self.parts.append(samples)
        self.length += len(samples)
