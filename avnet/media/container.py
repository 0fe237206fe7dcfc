"""Opening a media file that nobody has checked yet."""

import errno
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import av.container
import av.error

from avnet.errors import Damaged, MediaError, NotMedia, TooLarge
from avnet.files.ownership import note_input

# Demuxers that read one self-contained file. Playlists (hls, concat, dash) are left out: they open other addresses.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,asf,flv,gif,mxf,dv,"
    "wav,w64,aiff,caf,au,ogg,mp3,flac,aac,ac3,wv,amr"
)
# Containers that know where their keyframes are; in a transport stream a jump lands anywhere.
WITH_INDEX = ("mov", "matroska")
# By which an address is known where one of its slashes is missing.
PROTOCOLS = frozenset({"http", "https", "ftp", "ftps", "sftp", "rtsp", "rtmp", "srt", "udp", "s3", "gs"})
_PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+")
# No frame needs more; a 0.7 MB file can claim 16000x16000 and take 768 MB to decode.
MAX_PIXELS = 8192 * 4320


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


def address_of(path: str | Path) -> str | None:
    """The address on a network that a path stands for, with both its slashes; None for a path on this machine.

    A file may have the name of an address, as in a folder `disk:`: what is there is no address.
    """
    protocol, mark, rest = str(path).partition(":/")
    if not mark or not _PROTOCOL.fullmatch(protocol) or os.path.lexists(path):
        return None
    # Path() folds two slashes into one.
    is_address = rest.startswith("/") or protocol.lower() in PROTOCOLS
    return f"{protocol}://{rest.lstrip('/')}" if is_address else None


def check_regular_file(path: str | Path) -> Path:
    """Returns the path of a regular, non-empty file, which from now on is an input that nothing overwrites.

    Raises:
        NotMedia: it is missing, empty, an address, a folder, a pipe or a device.
    """
    if address := address_of(path):
        raise NotMedia(address, "is an address, not a file; download it first")
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
    note_input(path)
    return path


@contextmanager
def open_container(path: str | Path | OpenFile) -> Iterator[av.container.InputContainer]:
    """Opens a file for reading with the whitelists and limits that untrusted media need.

    Args:
        path: a local file, or one that is open already and was checked before.

    Raises:
        NotMedia: not a regular file or no accepted container.
        TooLarge: the header claims an absurd size.
        Damaged: decoding inside the block failed.
    """
    # `file:` keeps a name such as `concat:x` or `-` from being read as a protocol.
    source = FileReader(path) if isinstance(path, OpenFile) else f"file:{check_regular_file(path)}"
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": FORMATS,
        # Not every decoder is told; `open_video_stream` tells them again.
        "max_pixels": str(MAX_PIXELS),
    }
    try:
        # Titles in odd encodings are no reason to refuse a film.
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


def packets_of(container: av.container.InputContainer, streams) -> Iterator[av.Packet]:
    """Yields the packets of a stream or of several, as they come in the file; where data are lost, they end."""
    packets = container.demux(streams)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            return
        if packet is None:
            return
        yield packet


def _check_limits(path: str | Path | OpenFile, container: av.container.InputContainer) -> None:
    for stream in container.streams.video:
        context = stream.codec_context
        if context and context.width * context.height > MAX_PIXELS:
            raise TooLarge(path, f"claims a frame of {context.width}x{context.height} pixels")
