"""Frames of a video at given times, in one forward pass; and a whole video with its sound, on one clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.errors import NoVideoTrack
from avnet.media import decoding
from avnet.media.audio import SAMPLE_RATE, Waveform, read_waveform
from avnet.media.container import OpenFile
from avnet.media.reader import open_frames
from avnet.media.tracks import MediaInfo, probe

# A last frame that is on screen for longer is the sign of a file that was cut off.
HELD_S = 2.0


@dataclass(frozen=True)
class Frames:
    """Frames of a video.

    Attributes:
        images: uint8 RGB [height, width, 3] each.
        times: float64 [n], seconds at which each frame is really shown.
    """

    images: list[np.ndarray]
    times: np.ndarray


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


def video_span(info: MediaInfo) -> tuple[float, float]:
    """When the frames of a video begin and end, seconds; a file that does not say is read through.

    Raises:
        MediaError: the file has to be read and cannot.
    """
    video = info.video
    assert video is not None
    if video.duration_s > 0:
        return video.start_s, video.start_s + video.duration_s
    # Small, since only their times are wanted.
    times = [time for time, _ in iterate_frames(info.path, short_side=16)] or [video.start_s]
    return times[0], times[-1] + video.frame_period_s


def iterate_frames(path: str | Path | OpenFile, short_side: int | None = None) -> Iterator[tuple[float, np.ndarray]]:
    """Yields (time in seconds, uint8 RGB image) for every frame of a video in order.

    Raises:
        MediaError: the file cannot be read, has no video track or no frame that can be decoded.
    """
    if not isinstance(path, OpenFile) and (sandbox := decoding.sandbox()) is not None:
        yield from sandbox.iterate_frames(path, short_side)
        return
    with open_frames(path, short_side) as frames:
        yield from frames.every()


def read_frames(
    path: str | Path,
    times: Sequence[float] | np.ndarray,
    short_side: int | None = None,
    audio_track: int | None = None,
) -> Frames:
    """Reads the frames that are on screen at given times.

    A frame is on screen from its own time stamp until the next one's. Times before the first frame give the first,
    times after the last frame the last. The file is decoded once, forwards, whatever the order of `times`.

    Args:
        path: a local video.
        times: [n] seconds, in any order.
        short_side: scale so that the short side has this many pixels; None keeps the size.
        audio_track: number of the audio track to which the frames belong; None for the film's own.

    Returns:
        n frames in the order of `times`, with the times at which they are really shown.

    Raises:
        NoVideoTrack: there is no video stream.
        Damaged: no frame could be decoded.
        MediaError: the file cannot be read.
    """
    moments = np.asarray(times, np.float64)
    order = np.argsort(moments, kind="stable")
    images: dict[int, np.ndarray] = {}
    actual = np.zeros(len(moments))
    for slots, time, image in frames_on_screen(path, moments[order], short_side, audio_track=audio_track):
        for slot in order[slots]:
            images[slot], actual[slot] = image, time
    return Frames([images[i] for i in range(len(moments))], actual)


def frames_on_screen(
    path: str | Path | OpenFile,
    times: np.ndarray,
    short_side: int | None = None,
    held_s: float = np.inf,
    audio_track: int | None = None,
) -> Iterator[tuple[slice, float, np.ndarray]]:
    """Walks through a video once and yields each frame asked for as it passes, so that memory stays small.

    Args:
        path: a local video, or one that is open.
        times: float64 [n] seconds, ascending.
        short_side: as in `read_frames`.
        held_s: how long the last frame stays on screen, unless the file says longer; later times are not yielded.
        audio_track: as in `read_frames`.

    Yields:
        (slice of `times` at which it is on screen, its own time in seconds, uint8 RGB image).

    Raises:
        NoVideoTrack, Damaged, MediaError: as in `read_frames`.
    """
    if not isinstance(path, OpenFile) and (sandbox := decoding.sandbox()) is not None:
        yield from sandbox.frames_on_screen(path, times, short_side, held_s, audio_track)
        return
    with open_frames(path, short_side, held_s, audio_track=audio_track) as frames:
        yield from frames.on_screen(times)
