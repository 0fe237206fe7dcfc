"""Opening a media file that nobody has checked yet, and saying what is in it."""

import errno
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import av.container
import av.error
from av import AudioStream, VideoStream
from av.stream import Disposition

from avnet.errors import Damaged, MediaError, NotMedia, TooLarge

# Demuxers that read one self-contained file. Playlists (hls, concat, dash) are left out: they open other addresses.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,avi,wav,ogg,mp3,flac"
# No picture needs more; a 0.7 MB file can claim 16000x16000 and take 768 MB to decode.
MAX_PIXELS = 8192 * 4320
MAX_DURATION_S = 24 * 3600.0


@dataclass(frozen=True)
class OpenFile:
    """A regular file by its descriptor; anyone may read it, several at once, each from a place of its own.

    Attributes:
        path: what it was opened under, for messages and for its suffix.
        descriptor: open for reading.
    """

    path: Path
    descriptor: int

    def __str__(self) -> str:
        return str(self.path)

    def __fspath__(self) -> str:
        return str(self.path)


class FileReader(io.RawIOBase):
    """An `OpenFile` as what PyAV and Pillow read from; `name` is what FFmpeg would open.

    Nothing is raised that FFmpeg's own reader of files would not report: PyAV raises an exception of ours later, where
    FFmpeg has long gone on.
    """

    def __init__(self, file: OpenFile):
        super().__init__()
        self.name = f"file:{file.path}"
        self._file, self._at = file, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes from where the last call ended; all that is left for a negative size.

        Raises:
            Damaged: the system cannot read them.
        """
        if size < 0:
            return self.readall()
        try:
            data = os.pread(self._file.descriptor, size, self._at)
        except OSError as error:
            raise Damaged(self._file.path, f"cannot be decoded ({error.strerror})") from None
        self._at += len(data)
        return data

    def readinto(self, buffer) -> int:
        """As of `io.RawIOBase`."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to a place; returns a negative errno, as FFmpeg has it, where there is none."""
        if whence == os.SEEK_CUR:
            offset, whence = self._at + offset, os.SEEK_SET
        try:
            # The place of the descriptor itself is nobody's: it only says whether this one exists.
            self._at = os.lseek(self._file.descriptor, offset, whence)
        except (OSError, OverflowError) as error:
            return -(getattr(error, "errno", None) or errno.EINVAL)
        return self._at

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at


@dataclass(frozen=True)
class VideoInfo:
    """A video stream: size in pixels as shown (after rotation and aspect), times in seconds."""

    width: int
    height: int
    fps: float
    start_s: float
    duration_s: float

    @property
    def frame_period_s(self) -> float:
        """Seconds between two frames; the grid to which negatives are snapped."""
        return 1.0 / self.fps


@dataclass(frozen=True)
class AudioInfo:
    """An audio stream: its own sample rate in Hz, times in seconds."""

    sample_rate: int
    start_s: float
    duration_s: float


@dataclass(frozen=True)
class MediaInfo:
    """What a media file holds; a stream that is not there is None."""

    path: Path
    duration_s: float
    video: VideoInfo | None
    audio: AudioInfo | None


def check_regular_file(path: str | Path) -> Path:
    """Returns the path of a regular, non-empty file.

    Raises:
        NotMedia: it is missing, empty, an address, a folder, a pipe or a device.
    """
    if "://" in str(path):
        raise NotMedia(path, "is an address, not a file; download it first")
    path = Path(path)
    try:
        mode = path.stat()
    except OSError as error:
        raise NotMedia(path, os.strerror(error.errno or 0).lower()) from None
    if stat.S_ISDIR(mode.st_mode):
        raise NotMedia(path, "is a folder, not a file")
    if not stat.S_ISREG(mode.st_mode):
        raise NotMedia(path, "is not a regular file")
    if mode.st_size == 0:
        raise NotMedia(path, "is empty")
    return path


@contextmanager
def open_container(path: str | Path | OpenFile) -> Iterator[av.container.InputContainer]:
    """Opens a file for reading with the whitelists and limits that untrusted media need.

    Args:
        path: a local file, or one that is open already and was checked before.

    Raises:
        NotMedia: not a regular file or no accepted container.
        TooLarge: the header claims an absurd size or duration.
        Damaged: decoding inside the block failed.
    """
    # `file:` keeps a name such as `concat:x` or `-` from being read as a protocol.
    source = FileReader(path) if isinstance(path, OpenFile) else f"file:{check_regular_file(path)}"
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": FORMATS,
        "max_pixels": str(MAX_PIXELS),
    }
    try:
        with av.open(source, "r", options=options, metadata_errors="ignore") as container:
            _check_limits(path, container)
            yield container
    except MediaError:
        raise
    except (av.error.FFmpegError, UnicodeDecodeError, OverflowError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        if isinstance(error, (av.error.InvalidDataError, av.error.ArgumentError)):  # the latter: format not accepted
            raise NotMedia(path, "is damaged or not a video or sound file that can be read") from None
        raise Damaged(path, f"cannot be decoded ({reason})") from None


def _check_limits(path: str | Path | OpenFile, container: av.container.InputContainer) -> None:
    for stream in container.streams.video:
        context = stream.codec_context
        if context and context.width * context.height > MAX_PIXELS:
            raise TooLarge(path, f"claims a frame of {context.width}x{context.height} pixels")
    if container.duration is not None and container.duration / 1e6 > MAX_DURATION_S:
        raise TooLarge(path, f"claims to last {container.duration / 1e6:.0f} s")


def picture_stream(container: av.container.InputContainer) -> VideoStream | None:
    """The first video stream for which there is a decoder and that is not just a sound file's cover."""
    streams = container.streams.video
    return next((s for s in streams if s.codec_context and not s.disposition & Disposition.attached_pic), None)


def sound_stream(container: av.container.InputContainer) -> AudioStream | None:
    """The first audio stream for which there is a decoder."""
    return next((s for s in container.streams.audio if s.codec_context), None)


def decoded_frames(
    container: av.container.InputContainer, stream, before: Callable[[av.Packet], None] | None = None
) -> Iterator:
    """Yields the frames of a stream in order, None for a packet that cannot be decoded; lost data end the stream.

    Args:
        container: the file.
        stream: one of its streams.
        before: called with every packet before it is decoded.
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            return
        if packet is None:
            return
        if before is not None:
            before(packet)
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            yield None


def stream_times(stream, container: av.container.InputContainer) -> tuple[float, float]:
    """Start and duration of a stream in seconds; up to the end of the container where the stream names none."""
    base = float(stream.time_base or 0)
    start_s = float(stream.start_time or 0) * base
    if stream.duration and stream.duration > 0:
        return start_s, float(stream.duration) * base
    end_s = _matroska_end_s(stream.metadata.get("DURATION", ""))
    if end_s <= start_s:
        end_s = (max(0, container.start_time or 0) + max(0, container.duration or 0)) / 1e6
    return start_s, max(0.0, end_s - start_s)


def _matroska_end_s(tag: str) -> float:
    """Matroska tells the end of a track as hours:minutes:seconds in a tag of that name; 0 where it does not."""
    try:
        hours, minutes, seconds = map(float, tag.split(":"))
    except ValueError:
        return 0.0
    return 3600 * hours + 60 * minutes + seconds


def frames_per_second(stream) -> float:
    """The average rate of a video stream, else the guessed one, else 25."""
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    fps = float(rate) if rate else 25.0
    return fps if 0.01 < fps <= 1000.0 else 25.0


def probe(path: str | Path | OpenFile) -> MediaInfo:
    """Reads the header of a media file.

    Args:
        path: a local video or sound file, or one that is open.

    Returns:
        What the file holds; decodes nothing, so sizes are before rotation where only frames carry it.

    Raises:
        NotMedia: not a regular file or not an accepted container.
        TooLarge: it claims an absurd size or duration.
    """
    with open_container(path) as container:
        duration_s = max(0, container.duration or 0) / 1e6
        video = audio = None
        if stream := picture_stream(container):
            aspect = float(stream.sample_aspect_ratio or 1) or 1.0
            start_s, length_s = stream_times(stream, container)
            width = round(stream.codec_context.width * aspect)
            video = VideoInfo(width, stream.codec_context.height, frames_per_second(stream), start_s, length_s)
        if stream := sound_stream(container):
            start_s, length_s = stream_times(stream, container)
            audio = AudioInfo(stream.codec_context.sample_rate, start_s, length_s)
        return MediaInfo(Path(path), duration_s, video, audio)
