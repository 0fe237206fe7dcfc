"""A file that is open already: who reads it needs no right to open files."""

import errno
import io
import os
from dataclasses import dataclass
from pathlib import Path

from avnet.errors import Damaged


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
