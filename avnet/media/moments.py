"""When to look and to listen: evenly spaced moments of a file, its loudest clip, and silence."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.errors import NoVideoTrack
from avnet.media.audio import SAMPLE_RATE, Waveform, read_waveform
from avnet.media.container import MediaInfo, probe
from avnet.media.video import iterate_frames, read_frames

SILENCE_DBFS = -60.0


@dataclass(frozen=True)
class Video:
    """Frames of a video and its sound, on one clock.

    Attributes:
        images: uint8 RGB [height, width, 3] each.
        times: float64 [n], seconds at which each frame is really shown.
        sound: None where there is none.
    """

    images: list[np.ndarray]
    times: np.ndarray
    sound: Waveform | None


def read_video(
    path: str | Path, fps: float = 5.0, short_side: int | None = None, sample_rate: int = SAMPLE_RATE
) -> Video:
    """Reads evenly spaced frames of a video and its whole sound into memory.

    Args:
        path: a local video.
        fps: frames a second, more than 0.
        short_side: scale so that the short side has this many pixels; None keeps the size.
        sample_rate: of the sound, Hz.

    Raises:
        NoVideoTrack: there is no video stream.
        MediaError: the file cannot be read.

    Example:
        >>> video = avnet.read_video("video.mp4", fps=4)
        >>> video.times[:3].tolist()
        [0.0, 0.2, 0.4]
        >>> clip = video.sound.cut(mid_s=video.times[2], clip_s=0.5)
    """
    info = probe(path)
    if info.video is None:
        raise NoVideoTrack(path, "has no video track")
    start, end = video_span(info)
    frames = read_frames(path, start + np.arange(max(1, int(np.ceil((end - start) * fps - 1e-6)))) / fps, short_side)
    return Video(frames.images, frames.times, None if info.audio is None else read_waveform(path, sample_rate))


def moment_times(start_s: float, end_s: float, clip_s: float, every_s: float) -> np.ndarray:
    """Evenly spaced times [n] with half a clip on either side; the middle where a clip does not fit."""
    spare = end_s - start_s - clip_s
    if spare <= 0:
        return np.array([(start_s + end_s) / 2])
    return start_s + clip_s / 2 + every_s * np.arange(int(spare / every_s + 1e-6) + 1)


def video_span(info: MediaInfo) -> tuple[float, float]:
    """When the frames of a video begin and end, seconds; a file that does not say is read through.

    Raises:
        MediaError: the file has to be read and cannot.
    """
    video = info.video
    assert video is not None
    if video.duration_s > 0:
        return video.start_s, video.start_s + video.duration_s
    times = [time for time, _ in iterate_frames(info.path, short_side=16)] or [video.start_s]
    return times[0], times[-1] + video.frame_period_s


def clip_about(sound: Waveform, time_s: float, clip_s: float) -> np.ndarray:
    """The clip centred on a time, moved inwards at either end of the sound; silence where there is none.

    Half a clip of padding would be something that no network heard in training.
    """
    if sound.start_s <= time_s <= sound.end_s and sound.end_s - sound.start_s >= clip_s:
        time_s = min(max(time_s, sound.start_s + clip_s / 2), sound.end_s - clip_s / 2)
    return sound.cut(time_s, clip_s)


def loudest_time(sound: Waveform, clip_s: float) -> float:
    """The middle of the loudest clip, to a tenth of a clip; seconds on the container's clock."""
    times = moment_times(sound.start_s, sound.end_s, clip_s, clip_s / 10)
    power = [float(np.mean(np.square(sound.cut(time, clip_s)))) for time in times]
    return float(times[int(np.argmax(power))])


def is_silent(clip: np.ndarray) -> bool:
    """Whether a clip lies below `SILENCE_DBFS`, by its mean power relative to full scale."""
    return float(np.mean(np.square(clip))) < 10 ** (SILENCE_DBFS / 10)
