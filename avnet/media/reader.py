"""Walking through a video once, forwards, with as little decoding as the wanted pictures need."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from avnet.errors import Damaged, MediaError, NoVideoTrack, TooLarge
from avnet.media.container import MAX_PIXELS, decoded_frames, frames_per_second, open_container, picture_stream
from avnet.media.frame import is_usable, upright

# A jump ahead pays only when more than this much would be decoded for nothing.
SEEK_AHEAD_S = 12.0
# Before a wanted frame, so many are decoded whether others refer to them or not.
NEAR_FRAMES = 4


@contextmanager
def open_frames(
    path: str | Path, short_side: int | None = None, held_s: float = np.inf, *, keyframes: bool = False
) -> Iterator["FrameReader"]:
    """A video to be walked through once, forwards.

    Args:
        path: a local video.
        short_side: as in `read_frames`.
        held_s: as in `frames_on_screen`.
        keyframes: decode nothing but keyframes, which is many times faster.

    Raises:
        NoVideoTrack, Damaged, MediaError: as in `read_frames`.
    """
    with open_container(path) as container:
        stream, aspect = _video_stream(path, container)
        if keyframes:
            stream.codec_context.skip_frame = "NONKEY"
        reader = FrameReader(path, container, stream, aspect, short_side, held_s)
        try:
            yield reader
        finally:
            reader.close()


class FrameReader:
    """Where in a video one stands; every call goes on from there.

    Attributes:
        damaged: frames so far that could not be used.
    """

    def __init__(self, path, container, stream, aspect: float, short_side: int | None, held_s: float):
        self._path, self._container, self._stream = path, container, stream
        self._aspect, self._short_side, self._scaler = aspect, short_side, VideoReformatter()
        self._held_s = max(held_s, 2 * float(1 / (stream.average_rate or 25)))
        self._frames = self._decoded()
        self._current: av.VideoFrame | None = None
        self._upcoming: av.VideoFrame | None = None
        self._seeks = True
        self._skips = stream.codec_context.skip_frame == "DEFAULT"
        self._wanted, self._skipped = -np.inf, -np.inf
        self._near_s = NEAR_FRAMES / frames_per_second(stream)
        self.damaged = 0

    def on_screen(self, times: np.ndarray) -> Iterator[tuple[slice, float, np.ndarray]]:
        """Yields what `frames_on_screen` does, for ascending times that do not lie before those of earlier calls."""
        done = 0
        while done < len(times):
            current = self._go_to(times[done])
            if self._upcoming is not None:
                end = int(np.searchsorted(times, self._upcoming.time, side="left"))
            else:
                last_s = float(current.time) + max(self._held_s, _duration_s(current))
                end = int(np.searchsorted(times, last_s, side="right"))
            if end <= done:
                return
            yield slice(done, end), float(current.time), self._picture(current)
            done = end

    def every(self) -> Iterator[tuple[float, np.ndarray]]:
        """Yields (time, uint8 RGB picture) of all frames, for a reader that has not been used yet."""
        frame = None
        for frame in self._frames:
            yield float(frame.time), self._picture(frame)
        if frame is None:
            raise _no_frame(self._path, self._stream)

    def passing(self, low: float, high: float, apart_s: float) -> Iterator[tuple[float, np.ndarray]]:
        """Yields (time, uint8 RGB picture) of the frames in [low, high), at least `apart_s` seconds from each other."""
        due = low
        while True:
            frame = self._go_to(due)
            if float(frame.time) >= high:
                return
            if float(frame.time) >= due:
                yield float(frame.time), self._picture(frame)
                due = float(frame.time) + apart_s
            elif self._upcoming is not None:
                due = max(due, float(self._upcoming.time))
            else:
                return

    def _picture(self, frame: av.VideoFrame) -> np.ndarray:
        return upright(frame, self._aspect, self._short_side, self._scaler)

    def close(self) -> None:
        """Lets go of the decoder and its threads."""
        self._frames.close()

    def _go_to(self, time: float) -> av.VideoFrame:
        """Makes the frame that is on screen at `time` the current one: the last that has begun, else the first."""
        current = self._advance(time)
        if float(current.time) < self._skipped <= time:  # one that was passed over stays on screen for long
            self._skips, self._skipped = False, -np.inf
            self._container.seek(int(current.time / self._stream.time_base), stream=self._stream, backward=True)
            self._frames = self._decoded()
            self._current, self._upcoming = next(self._frames, current), next(self._frames, None)
            current = self._advance(time)
        return current

    def _advance(self, time: float) -> av.VideoFrame:
        self._wanted = time
        if self._current is None:
            self._start(time, 0.0)
        elif self._upcoming is not None and time - float(self._upcoming.time) > SEEK_AHEAD_S:
            self._start(time, float(self._upcoming.time))
        while self._upcoming is not None and self._upcoming.time <= time:
            self._current, self._upcoming = self._upcoming, next(self._frames, None)
        assert self._current is not None
        return self._current

    def _pass_over(self, packet: av.Packet) -> None:
        """Tells the decoder to leave out a frame that no other refers to, while the wanted one is not near."""
        if not self._skips:
            return
        time = np.inf if packet.pts is None else float(packet.pts * packet.time_base)
        far = time < self._wanted - self._near_s
        self._stream.codec_context.skip_frame = "NONREF" if far else "DEFAULT"
        if far:
            self._skipped = max(self._skipped, time)

    def _decoded(self) -> Generator[av.VideoFrame, None, None]:
        for frame in decoded_frames(self._container, self._stream, self._pass_over):
            if is_usable(frame):
                yield frame
            else:
                self.damaged += 1

    def _start(self, time: float, now: float) -> None:
        """Goes on from the last keyframe before a time that lies far ahead, else from where the container stands."""
        if self._seeks and time - now > SEEK_AHEAD_S:
            self._container.seek(int(time / self._stream.time_base), stream=self._stream, backward=True)
            self._frames = self._decoded()
        first = next(self._frames, None)
        if first is None and self._current is None:
            raise _no_frame(self._path, self._stream)
        # A keyframe that lies behind means few of them: jumping again would decode the same frames again and again.
        self._seeks = self._seeks and (first is None or float(first.time) >= now)
        if first is not None:
            self._current, self._upcoming = first, next(self._frames, None)


def _duration_s(frame: av.VideoFrame) -> float:
    return float((frame.duration or 0) * (frame.time_base or 0))


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
