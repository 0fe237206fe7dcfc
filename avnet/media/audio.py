"""The sound of a file, mono, at one sample rate, on the container's clock."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np

from avnet.errors import Damaged, DataError, MediaError, NoAudioTrack
from avnet.events import LeftOut, Listener, nobody, steps
from avnet.files.tree import list_tree
from avnet.media import decoding
from avnet.media.container import WITH_INDEX, OpenFile
from avnet.media.tracks import Tracks, no_audio, open_tracks

SAMPLE_RATE = 48_000
# Of a source, Hz; a header that claims another would make a small file hours long.
MIN_RATE, MAX_RATE = 2_000, 768_000
MAX_GAP_S = 600.0
PART_S = 0.25
# Sound that comes so much too early has another rate than it claims; what is too much of it is left out.
MAX_OVERLAP_S = 0.5
# Fewer frames of sound that are far from where they should be have damaged time stamps.
STRAY_FRAMES = 8
# Decoders need some sound before what they are to give exactly; nearer than this, reading on is as quick as jumping.
LEAD_S, SEEK_AHEAD_S = 2.0, 30.0
# Channels cancel each other out where their mean has less than this share of the power that the loudest would give it
# alone. Below -70 dB of full scale it may be the codec's own noise, which says nothing of the recording.
RESIDUE, AUDIBLE = 0.01, 1e-7


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


def read_waveform(path: str | Path, sample_rate: int = SAMPLE_RATE, audio_track: int | None = None) -> Waveform:
    """Reads the whole sound of a file: of several audio tracks the film's own, no commentary and the like.

    Channels are averaged; where they cancel each other out, the loudest is taken. Gaps between time stamps longer than
    20 ms and shorter than 10 minutes are filled with silence, so that sample i is at `start_s + i / sample_rate`.

    Args:
        path: a local video or sound.
        sample_rate: Hz of the result.
        audio_track: number of the audio track to take, from 1 on; None chooses.

    Returns:
        The sound.

    Raises:
        NoAudioTrack: there is no audio stream.
        Damaged: no sample could be decoded.
        MediaError: the file cannot be read.

    Example:
        >>> sound = avnet.read_waveform("bark.wav")
        >>> sound.sample_rate, len(sound.samples)
        (48000, 96000)
    """
    return _concatenate(list(iterate_sound(path, sample_rate, audio_track)))


def read_sounds(
    folder: Path, suffixes: Collection[str], sample_rate: int, on_event: Listener = nobody
) -> list[np.ndarray]:
    """Reads all in order of their names, float32 mono in [-1, 1]; what cannot be read is left out.

    Args:
        folder: searched with all folders in it.
        suffixes: of the files, in lower case.
        sample_rate: Hz.
        on_event: is told of progress and of what is left out.

    Raises:
        DataError: there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(folder, "is not a folder" if folder.exists() else "does not exist")
    files = [file for file in list_tree(folder).files if file.suffix.lower() in suffixes]
    waveforms = []
    for file in steps(files, "reading", len(files), "recordings", on_event):
        try:
            waveforms.append(read_waveform(file, sample_rate).samples)
        except MediaError as error:
            on_event(LeftOut(error))
    return waveforms


def iterate_sound(
    path: str | Path | OpenFile,
    sample_rate: int = SAMPLE_RATE,
    audio_track: int | None = None,
    from_s: float = 0.0,
) -> Iterator[Waveform]:
    """Yields what `read_waveform` reads, in short parts that follow each other without a gap; memory stays small.

    Args:
        path: a local video or sound.
        sample_rate: Hz.
        audio_track: number of the audio track to take, from 1 on; None chooses.
        from_s: seconds before which nothing is needed: a file with an index is read from a little earlier on.

    Raises:
        NoAudioTrack, Damaged, MediaError: as in `read_waveform`.
    """
    if not isinstance(path, OpenFile) and (sandbox := decoding.sandbox()) is not None:
        yield from sandbox.iterate_sound(path, sample_rate, audio_track, from_s)
        return
    with open_tracks(path, audio_track) as tracks:
        stream = tracks.sound
        if stream is None:
            raise NoAudioTrack(path, no_audio(tracks))
        if not MIN_RATE <= stream.rate <= MAX_RATE:
            raise Damaged(path, f"claims sound at {stream.rate} Hz; {MIN_RATE} to {MAX_RATE} are accepted")
        part = None
        frames = _resample(_decode_from(tracks, stream, from_s), sample_rate)
        for part in _join(_on_the_clock(frames, sample_rate)):
            yield part
        if part is None:
            raise Damaged(path, "has no sound that can be decoded")


def _join(parts: Iterator[Waveform]) -> Iterator[Waveform]:
    """The same sound in parts of at least `PART_S`, but the last: who takes them has work with each."""
    waiting, length = [], 0
    for part in parts:
        waiting.append(part)
        length += len(part.samples)
        if length >= PART_S * part.sample_rate:
            yield _concatenate(waiting)
            waiting, length = [], 0
    if waiting:
        yield _concatenate(waiting)


def _concatenate(parts: list[Waveform]) -> Waveform:
    return Waveform(np.concatenate([part.samples for part in parts]), parts[0].start_s, parts[0].sample_rate)


def _on_the_clock(frames: Iterator[av.AudioFrame], sample_rate: int) -> Iterator[Waveform]:
    """Mono parts, with silence where the time stamps leave a gap."""
    start_s, length, downmix = None, 0, _Downmix()
    strays, last_s = 0, -np.inf
    for frame in frames:
        samples = downmix.mono(frame)
        if start_s is None:
            start_s = float(frame.time or 0.0)
        gap = 0 if frame.time is None else round((frame.time - start_s) * sample_rate) - length
        if frame.time is not None:
            goes_back = strays or frame.time < last_s - MAX_OVERLAP_S
            off = abs(gap) >= MAX_GAP_S * sample_rate or (goes_back and gap < -MAX_OVERLAP_S * sample_rate)
            strays, last_s = strays + 1 if off else 0, frame.time
            if strays == STRAY_FRAMES:  # another clock: nothing says to which frames of the video its sound belongs
                return
        # A longer jump would be a damaged time stamp, not a pause: what follows it comes at once.
        if 0.02 * sample_rate < gap < MAX_GAP_S * sample_rate:
            samples = np.concatenate([np.zeros(gap, np.float32), samples])
        elif -MAX_GAP_S * sample_rate < gap < -MAX_OVERLAP_S * sample_rate:
            samples = samples[-gap:]
        if len(samples):
            yield Waveform(samples, start_s + length / sample_rate, sample_rate)
            length += len(samples)


class _Downmix:
    """One channel of all: their mean, unless they cancel each other out, as where one was wired the wrong way round.

    From the first frame on of whose sound the mean loses nearly all, the loudest channel of that frame is what is
    heard, to the end of the stream: to choose for each frame anew would jump back and forth.
    """

    def __init__(self):
        self._channel: int | None = None

    def mono(self, frame: av.AudioFrame) -> np.ndarray:
        """The samples of a packed float frame, without what is not a number, clipped to [-1, 1]."""
        channels = frame.layout.nb_channels
        # What `to_ndarray` gives, in a third of the time; there are a hundred frames to a second.
        plane: Any = frame.planes[0]  # a buffer, which its stub does not say
        samples = np.frombuffer(plane, np.float32, frame.samples * channels)
        if channels > 1:
            samples = self._mix(samples.reshape(-1, channels))
        if not np.isfinite(np.add.reduce(samples)):
            samples = np.nan_to_num(samples)
        return samples.clip(-1.0, 1.0)

    def _mix(self, samples: np.ndarray) -> np.ndarray:
        if self._channel is None or self._channel >= samples.shape[1]:
            mix = samples.mean(axis=1)
            self._channel = _lost_channel(samples, mix)
            if self._channel is None:
                return mix
        return samples[:, self._channel]


def _lost_channel(samples: np.ndarray, mix: np.ndarray) -> int | None:
    """The loudest of channels [n, channels] that cancel each other out in their mean [n]; None where they do not."""
    # What is no number or too large for a square compares as false: such a frame proves nothing.
    with np.errstate(over="ignore", invalid="ignore"):
        energies = np.square(samples).sum(axis=0)
        loudest = int(energies.argmax())
        alone = energies[loudest] / samples.shape[1] ** 2
        cancels = energies[loudest] > AUDIBLE * len(samples) and np.square(mix).sum() < RESIDUE * alone
    return loudest if cancels else None


def _decode(tracks: Tracks, stream) -> Iterator[av.AudioFrame]:
    """What can be decoded; nothing at all is refused by the caller."""
    return (frame for frame in tracks.decode(stream) if frame and not frame.is_corrupt and frame.rate > 0)


def _decode_from(tracks: Tracks, stream, from_s: float) -> Iterator[av.AudioFrame]:
    """As `_decode`, of a file with an index from a frame at least `LEAD_S` before a time on."""
    start_s = float((stream.start_time or 0) * stream.time_base)
    # On a clock that was mended, packets are counted from the first one on.
    has_index = tracks.container.format.name.startswith(WITH_INDEX) and stream.index not in tracks.clock.tracks
    if not has_index or from_s - start_s < SEEK_AHEAD_S:
        return _decode(tracks, stream)
    for target_s in (from_s - LEAD_S, start_s):
        tracks.container.seek(int(target_s / stream.time_base), stream=stream, backward=True)
        frames = _decode(tracks, stream)
        first = next(frames, None)
        # An index may lead to a place that comes after the one that was asked for.
        if first is not None and first.time is not None and first.time <= from_s - LEAD_S / 2:
            break
    return frames if first is None else chain([first], frames)


def _resample(frames: Iterator[av.AudioFrame], sample_rate: int) -> Iterator[av.AudioFrame]:
    """Float frames [1, n * channels] at one rate; a stream may change its format on the way."""
    # A resampler is tied to one format, and holds back some samples until it is told that no more come.
    resampler, now = None, None
    for frame in frames:
        kind = (frame.format.name, frame.layout.name, frame.rate)
        if kind != now:
            yield from resampler.resample(None) if resampler else ()
            # The layout is kept: FFmpeg's own mono is louder than the mean by 3 dB and clips.
            # One plane for all channels: PyAV reads past the end where there are more planes than 8.
            resampler, now = av.AudioResampler(format="flt", rate=sample_rate), kind
        if resampler:
            yield from resampler.resample(frame)
    yield from resampler.resample(None) if resampler else ()
