"""Walking through a video once, forwards, with as little decoding as the frames asked for need."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from avnet.errors import Damaged, MediaError, NoVideoTrack, TooLarge
from avnet.media.container import MAX_PIXELS, WITH_INDEX, OpenFile
from avnet.media.frame import is_usable, upright
from avnet.media.tracks import WITHOUT_TIMES, Tracks, frames_per_second, open_tracks

# A jump ahead pays only when more than this much would be decoded for nothing.
SEEK_AHEAD_S = 12.0
# Where the wanted frame comes before the keyframe that was found, the next is looked for so much earlier, seconds.
JUMPS_S = (0.0, 2.0, 10.0, 60.0, np.inf)
# Before a wanted frame, so many are decoded whether others refer to them or not.
NEAR_FRAMES = 4


@contextmanager
def open_frames(
    path: str | Path | OpenFile,
    short_side: int | None = None,
    held_s: float = np.inf,
    *,
    keyframes: bool = False,
    audio_track: int | None = None,
) -> Iterator["FrameReader"]:
    """A video to be walked through once, forwards.

    Args:
        path: a local video, or one that is open.
        short_side: as in `read_frames`.
        held_s: as in `frames_on_screen`.
        keyframes: decode nothing but keyframes, which is many times faster.
        audio_track: number of the audio track to which the frames belong; None chooses.

    Raises:
        NoVideoTrack, Damaged, MediaError: as in `read_frames`.
    """
    with open_tracks(path, audio_track) as tracks:
        stream, aspect = open_video_stream(path, tracks)
        # The order in which frames are shown is known of all of them only.
        skips = tracks.container.format.name not in WITHOUT_TIMES
        if keyframes and skips:
            stream.codec_context.skip_frame = "NONKEY"
        reader = FrameReader(path, tracks, stream, aspect, short_side, held_s, keyframes and not skips)
        try:
            yield reader
        finally:
            reader.close()


class FrameReader:
    """Where in a video one stands; every call goes on from there.

    Attributes:
        damaged_frames: frames so far that could not be used.
    """

    def __init__(
        self, path, tracks: Tracks, stream, aspect: float, short_side: int | None, held_s: float, keyframes: bool
    ):
        self._path, self._tracks, self._stream, self._keyframes = path, tracks, stream, keyframes
        self._aspect, self._short_side, self._scaler = aspect, short_side, VideoReformatter()
        # At least two frames long, or a film of slides would count as cut off.
        self._held_s = max(held_s, 2 * float(1 / (stream.average_rate or 25)))
        self._frames = self._decode()
        self._current: av.VideoFrame | None = None
        self._upcoming: av.VideoFrame | None = None
        self._start_s = float((stream.start_time or 0) * stream.time_base)
        # On a clock that was mended, packets are counted from the first one on.
        self._seeks = tracks.container.format.name.startswith(WITH_INDEX) and stream.index not in tracks.clock.tracks
        self._skips = stream.codec_context.skip_frame == "DEFAULT"
        self._target_s, self._skip_s = -np.inf, -np.inf
        self._near_s = NEAR_FRAMES / frames_per_second(stream)
        self.damaged_frames = 0

    def on_screen(self, times: np.ndarray) -> Iterator[tuple[slice, float, np.ndarray]]:
        """Yields what `frames_on_screen` does, for ascending times that do not lie before those of earlier calls."""
        first = 0
        while first < len(times):
            current = self._go_to(times[first])
            if self._upcoming is not None:
                end = int(np.searchsorted(times, self._upcoming.time, side="left"))
            else:
                last_s = float(current.time) + max(self._held_s, _duration_s(current))
                end = int(np.searchsorted(times, last_s, side="right"))
            if end <= first:
                return
            yield slice(first, end), float(current.time), self._image(current)
            first = end

    def every(self) -> Iterator[tuple[float, np.ndarray]]:
        """Yields (time, uint8 RGB image) of all frames, for a reader that has not been used yet."""
        frame = None
        for frame in self._frames:
            yield float(frame.time), self._image(frame)
        if frame is None:
            raise _no_frame(self._path, self._stream)

    def passing(self, low: float, high: float, apart_s: float) -> Iterator[tuple[float, np.ndarray]]:
        """Yields (time, uint8 RGB image) of the frames in [low, high), at least `apart_s` seconds from each other."""
        due = low
        while True:
            frame = self._go_to(due)
            if float(frame.time) >= high:
                return
            if float(frame.time) >= due:
                yield float(frame.time), self._image(frame)
                due = float(frame.time) + apart_s
            elif self._upcoming is not None:
                due = max(due, float(self._upcoming.time))
            else:
                return

    def _image(self, frame: av.VideoFrame) -> np.ndarray:
        return upright(frame, self._aspect, self._short_side, self._scaler)

    def close(self) -> None:
        """Lets go of the decoder and its threads."""
        self._frames.close()

    def _go_to(self, time: float) -> av.VideoFrame:
        """Makes the frame that is on screen at `time` the current one: the last that has begun, else the first."""
        current = self._advance(time)
        if float(current.time) < self._skip_s <= time:  # one that was passed over stays on screen for long
            self._skips, self._skip_s = False, -np.inf
            self._stream.codec_context.skip_frame = "DEFAULT"
            self._jump(float(current.time))
            current = self._advance(time)
        return current

    def _advance(self, time: float) -> av.VideoFrame:
        self._target_s = time
        if self._current is None:
            if self._seeks and time - self._start_s > SEEK_AHEAD_S:
                self._jump(time)
            else:
                self._set(next(self._frames, None))
        elif self._seeks and self._upcoming is not None and time - float(self._upcoming.time) > SEEK_AHEAD_S:
            now = float(self._upcoming.time)
            self._jump(time)
            # A keyframe that lies behind means few of them: jumping again would decode the same frames again and again.
            self._seeks = float(self._current.time) >= now
        while self._upcoming is not None and self._upcoming.time <= time:
            self._current, self._upcoming = self._upcoming, next(self._frames, None)
        assert self._current is not None
        return self._current

    def _jump(self, time: float) -> None:
        """Goes on from a frame at or before a time: an index may name a keyframe that comes after it."""
        for back_s in JUMPS_S:
            target = max(self._start_s, time - back_s)
            self._tracks.container.seek(int(target / self._stream.time_base), stream=self._stream, backward=True)
            self._frames = self._decode()
            first = next(self._frames, None)
            if (first is not None and first.time <= time) or target == self._start_s:
                break
        self._set(first)

    def _set(self, first: av.VideoFrame | None) -> None:
        if first is None:
            raise _no_frame(self._path, self._stream)
        self._current, self._upcoming = first, next(self._frames, None)

    def _pass_over(self, packet: av.Packet) -> None:
        """Tells the decoder to leave out a frame that no other refers to, while the wanted one is not near."""
        if not self._skips:
            return
        time = np.inf if packet.pts is None else float(packet.pts * packet.time_base)
        far = time < self._target_s - self._near_s
        self._stream.codec_context.skip_frame = "NONREF" if far else "DEFAULT"
        if far:
            self._skip_s = max(self._skip_s, time)

    def _decode(self) -> Generator[av.VideoFrame, None, None]:
        counts = self._current is None  # after a jump, what refers to frames before it cannot be used
        last = -np.inf
        for frame in self._tracks.decode(self._stream, self._pass_over):
            if is_usable(frame) and frame.time >= last:
                counts, last = True, frame.time
                if frame.key_frame or not self._keyframes:
                    yield frame
            elif counts:
                self.damaged_frames += 1


def _duration_s(frame: av.VideoFrame) -> float:
    return float((frame.duration or 0) * (frame.time_base or 0))


def open_video_stream(path, tracks: Tracks) -> tuple[av.VideoStream, float]:
    """The stream to decode, on one thread and with the limit of size, and the width of a pixel over its height.

    Raises:
        NoVideoTrack: there is none.
    """
    stream = tracks.video
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
