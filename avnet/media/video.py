"""Frames of a video at given times, in one forward pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import numpy as np

from avnet.errors import Damaged, MediaError, NoVideoTrack, TooLarge
from avnet.media.container import MAX_PIXELS, open_container, picture_stream

# A jump ahead pays only when more than this much would be decoded for nothing.
SEEK_AHEAD_S = 12.0
# A last picture that is on screen for longer is the sign of a file that was cut off.
HELD_S = 2.0


@dataclass(frozen=True)
class Frames:
    """Pictures of a video.

    Attributes:
        images: uint8 RGB [height, width, 3] each.
        times: float64 [n], seconds at which each picture is really shown.
    """

    images: list[np.ndarray]
    times: np.ndarray


def upright(frame: av.VideoFrame, aspect: float, short_side: int | None = None) -> np.ndarray:
    """A decoded frame as an upright picture with square pixels.

    Args:
        frame: as decoded; its rotation is the stream's display matrix, counter-clockwise degrees.
        aspect: width of a pixel over its height.
        short_side: scale so that the short side has this many pixels; None keeps the size.

    Returns:
        uint8 RGB [height, width, 3].
    """
    width, height = max(2, round(frame.width * aspect)), frame.height
    if short_side is not None:
        scale = short_side / min(width, height)
        width, height = max(short_side, round(width * scale)), max(short_side, round(height * scale))
    image = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA")
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _decoded(container, stream) -> Iterator[av.VideoFrame]:
    """Frames with a time stamp that are not marked corrupt; damage in the middle ends the stream early."""
    try:
        for frame in container.decode(stream):
            if frame.time is not None and not frame.is_corrupt:
                yield frame
    except av.error.FFmpegError:
        return


def _video_stream(path, container):
    stream = picture_stream(container)
    if stream is None:
        raise NoVideoTrack(path, "has no video track")
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = 1
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}  # the container's limit does not reach every decoder
    return stream, float(stream.sample_aspect_ratio or 1) or 1.0


def _no_frame(path, stream) -> MediaError:
    """Why nothing was decoded: FFmpeg forgets a size above the limit."""
    if not stream.codec_context.width * stream.codec_context.height:
        return TooLarge(path, f"claims a frame of no size or of more than {MAX_PIXELS} pixels")
    return Damaged(path, "has no frame that can be decoded")


def iterate_frames(path: str | Path, short_side: int | None = None) -> Iterator[tuple[float, np.ndarray]]:
    """Yields (time in seconds, uint8 RGB picture) for every frame of a video in order.

    Raises:
        MediaError: the file cannot be read, has no video track or no frame that can be decoded.
    """
    with open_container(path) as container:
        stream, aspect = _video_stream(path, container)
        frame = None
        for frame in _decoded(container, stream):
            yield float(frame.time), upright(frame, aspect, short_side)
        if frame is None:
            raise _no_frame(path, stream)


def read_frames(path: str | Path, times: Sequence[float] | np.ndarray, short_side: int | None = None) -> Frames:
    """Reads the frames that are on screen at given times.

    A frame is on screen from its own time stamp until the next one's. Times before the first frame give the first,
    times after the last frame the last. The file is decoded once, forwards, whatever the order of `times`.

    Args:
        path: a local video.
        times: [n] seconds, in any order.
        short_side: scale so that the short side has this many pixels; None keeps the size.

    Returns:
        n pictures in the order of `times`, with the times at which they are really shown.

    Raises:
        NoVideoTrack: there is no video stream.
        Damaged: no frame could be decoded.
        MediaError: the file cannot be read.
    """
    wanted = np.asarray(times, np.float64)
    order = np.argsort(wanted, kind="stable")
    images: dict[int, np.ndarray] = {}
    shown = np.zeros(len(wanted))
    for slots, time, picture in frames_on_screen(path, wanted[order], short_side):
        for slot in order[slots]:
            images[slot], shown[slot] = picture, time
    return Frames([images[i] for i in range(len(wanted))], shown)


def frames_on_screen(
    path: str | Path, times: np.ndarray, short_side: int | None = None, held_s: float = np.inf
) -> Iterator[tuple[slice, float, np.ndarray]]:
    """Walks through a video once and yields each wanted picture as it passes, so that memory stays small.

    Args:
        path: a local video.
        times: float64 [n] seconds, ascending.
        short_side: as in `read_frames`.
        held_s: how long the last picture stays on screen, unless the file says longer; later times are not yielded.

    Yields:
        (slice of `times` at which it is on screen, its own time in seconds, uint8 RGB picture).

    Raises:
        NoVideoTrack, Damaged, MediaError: as in `read_frames`.
    """
    with open_container(path) as container:
        stream, aspect = _video_stream(path, container)
        done, current = 0, None
        frames = _decoded_from(container, stream, times[0] if len(times) else 0.0, 0.0)
        while done < len(times):
            upcoming = next(frames, None)
            if upcoming is None and current is None:
                raise _no_frame(path, stream)
            end = len(times) if upcoming is None else int(np.searchsorted(times, upcoming.time, side="left"))
            if current is not None and upcoming is None:
                last_s = max(held_s, 2 * float(1 / (stream.average_rate or 25)), _duration_s(current))
                end = int(np.searchsorted(times, float(current.time) + last_s, side="right"))
                if end <= done:
                    return
            if current is not None and end > done:
                yield slice(done, end), float(current.time), upright(current, aspect, short_side)
                done = end
                if done < len(times) and upcoming is not None and times[done] - upcoming.time > SEEK_AHEAD_S:
                    frames = _decoded_from(container, stream, times[done], float(upcoming.time))
                    upcoming = next(frames, upcoming)
            if upcoming is None:
                return
            current = upcoming


def _duration_s(frame: av.VideoFrame) -> float:
    return float((frame.duration or 0) * (frame.time_base or 0))


def _decoded_from(container, stream, time: float, now: float) -> Iterator[av.VideoFrame]:
    """Frames from the last keyframe before a time that lies far ahead, else from where the container stands."""
    if time - now > SEEK_AHEAD_S:
        container.seek(int(time / stream.time_base), stream=stream, backward=True)
    return _decoded(container, stream)
