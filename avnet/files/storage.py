"""Folders and files on a disk or in an object store, by path or address (s3://, gs://, memory://), through fsspec."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from avnet.errors import AvnetError, DataError, NotMedia
from avnet.files.whole import whole_file

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Stores of files. What else fsspec opens (http, ftp, zip, git, ssh) is no place for an archive and may be hostile.
PROTOCOLS = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "hdfs", "memory")

# What stores call the version of an object.
VERSIONS = ("size", "ETag", "etag", "md5Hash", "content_md5", "LastModified", "last_modified", "updated", "created")


def is_address(path: str | Path) -> bool:
    """Whether a path names a place in an object store."""
    protocol, mark, rest = str(path).partition("://")
    return bool(mark) and protocol in PROTOCOLS and bool(rest.strip("/"))


def is_missing(path: str) -> bool:
    """Whether nothing lies at a path; of an address it is taken that something does, since asking takes its time."""
    return not is_address(path) and not os.path.exists(path)


def filesystem(url: str) -> "tuple[AbstractFileSystem, str]":
    """The store of an address, or the disk, and the path in it.

    Raises:
        DataError: the package that reads such a store is not installed, or refuses.
    """
    # Not at the top, since most who read a file from a disk need no store.
    from fsspec.core import url_to_fs
    from fsspec.implementations.local import LocalFileSystem

    if not is_address(url):
        return LocalFileSystem(), os.path.abspath(url)  # or a leading ~ would be somebody's home
    try:
        return url_to_fs(url)
    except (ImportError, ValueError, OSError) as error:
        raise DataError(url, f"cannot be opened ({error})") from None


def stamp(path: str, info: dict[str, Any] | None = None) -> str:
    """What changes when a file does: its size and time, or what a store calls its version.

    Args:
        path: on a disk, if there is no `info`.
        info: what a store's listing tells of an object.
    """
    if info is not None:
        return " ".join(f"{key}={_plain(info[key])}" for key in VERSIONS if key in info)
    try:
        status = os.stat(path)
    except OSError as error:  # reading it will say what is wrong
        return type(error).__name__
    return f"{status.st_size} {status.st_mtime_ns}"


def _plain(value: Any) -> str:
    """One form for what listings and single answers of a store say in several."""
    return repr(value.timestamp()) if isinstance(value, datetime) else str(value).strip('"')


def list_store(url: str) -> dict[str, dict[str, Any]]:
    """What lies at an address and below it, and what the store tells of each: its name after the address, in order.

    An object of that very address has the name ''.

    Raises:
        DataError: it cannot be listed, or nothing is there.
    """
    fs, top = filesystem(url)
    # fsspec remembers listings, and other machines may have written since.
    fs.invalidate_cache()
    with _refusing(url, "listed"):
        objects = dict(fs.find(top, detail=True))
    if not objects:
        raise DataError(url, "has no file of that name or below it")
    # Stores know no folders: `a//b` is a name of its own, and `a/` one that stands for a folder and holds nothing.
    names = {file[len(top) :].lstrip("/"): info for file, info in objects.items() if not file.endswith("/")}
    return dict(sorted(names.items()))


def look_up(url: str) -> dict[str, Any]:
    """What a store tells of an object.

    Raises:
        FileNotFoundError: there is none.
        PermissionError: it is forbidden.
        DataError: the store does not answer.
    """
    fs, path = filesystem(url)
    fs.invalidate_cache()
    with _refusing(url, "looked up", FileNotFoundError, PermissionError):
        return fs.info(path)


@contextlib.contextmanager
def local_copy(url: str) -> Iterator[Path]:
    """A path under which a file can be read: its own on a disk, that of a temporary copy for an address.

    Raises:
        NotMedia: it is gone, or forbidden.
        DataError: it cannot be fetched.
    """
    if not is_address(url):
        yield Path(url)
        return
    with tempfile.TemporaryDirectory() as folder:
        # Under a name of ours: an object's may be too long or odd for a disk.
        copy = Path(folder) / f"copy{PurePosixPath(url).suffix}"
        fs, path = filesystem(url)
        with _refusing(url, "fetched"):
            try:
                fs.get_file(path, str(copy))
            except FileNotFoundError:
                raise NotMedia(url, "no such file") from None
            except PermissionError:
                raise NotMedia(url, "permission denied") from None
        yield copy


@dataclass(frozen=True)
class Folder:
    """A folder whose files appear when they are whole, or not at all.

    Attributes:
        url: a path or an address.
    """

    url: str

    def __truediv__(self, name: str) -> "Folder":
        return Folder(self.address(name))

    def address(self, name: str) -> str:
        """Path or address of a file in it."""
        return f"{self.url.rstrip('/')}/{name}"

    @cached_property
    def _store(self) -> "tuple[AbstractFileSystem, str]":
        return filesystem(self.url.rstrip("/") or "/")

    def _path(self, name: str) -> str:
        return f"{self._store[1]}/{name}"

    @property
    def is_local(self) -> bool:
        """Whether it is on a disk."""
        return not is_address(self.url)

    def names(self) -> list[str]:
        """What is in it, sorted; nothing where it does not exist.

        Raises:
            DataError: it cannot be listed, or is a file.
        """
        fs, path = self._store
        # fsspec remembers listings, and other machines may have written since.
        fs.invalidate_cache()
        with _refusing(self.url, "listed"):
            if not fs.exists(path):
                return []
            if fs.isfile(path):
                raise DataError(self.url, "is not a folder")
            return sorted(PurePosixPath(entry).name for entry in fs.ls(path, detail=False))

    def create(self) -> None:
        """Makes it, where that means something."""
        if self.is_local:
            with _refusing(self.url, "made"):
                Path(self.url).mkdir(parents=True, exist_ok=True)

    def exists(self, name: str) -> bool:
        """Whether it has a file or folder of that name."""
        with _refusing(self.address(name), "read"):
            return self._store[0].exists(self._path(name))

    def read_text(self, name: str) -> str:
        """A file as text; bytes that are not UTF-8 become question marks.

        Raises:
            DataError: it cannot be read.
        """
        if self.is_local and (Path(self.url) / name).exists() and not (Path(self.url) / name).is_file():
            raise DataError(self.address(name), "cannot be read (not a regular file)")  # a pipe would be waited for
        with _refusing(self.address(name), "read"):
            content = self._store[0].cat_file(self._path(name))
            return content.decode("utf-8", "replace") if isinstance(content, bytes) else content

    def write_text(self, name: str, text: str) -> None:
        """Writes a file as UTF-8.

        Raises:
            DataError: it cannot be written.
        """
        with self.whole(name) as file:
            file.write_bytes(text.encode("utf-8", "replace"))

    @contextlib.contextmanager
    def whole(self, name: str) -> Iterator[Path]:
        """A temporary path; what was written there becomes the file when the block succeeds.

        Raises:
            DataError: the system or the store refused.
        """
        if self.is_local:
            with whole_file(Path(self.url) / name, DataError, own=True) as temporary:
                yield temporary
            return
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / name
            with _refusing(self.address(name), "written"):
                self._store[0].put_file(str(Path(folder) / name), self._path(name))

    def move(self, old: str, new: str) -> None:
        """Renames a file; both names are relative to the folder.

        Raises:
            DataError: the system or the store refused.
        """
        if self.is_local and (Path(self.url) / new).is_dir():
            raise DataError(self.address(new), "is a folder")
        with _refusing(self.address(new), "written"):
            self._store[0].mv(self._path(old), self._path(new))

    def remove(self, name: str) -> None:
        """Deletes a file, or a folder with all that is in it; nothing where there is none.

        Raises:
            DataError: the system or the store refused.
        """
        with _refusing(self.address(name), "deleted"), contextlib.suppress(FileNotFoundError):
            self._store[0].rm(self._path(name), recursive=True)


@contextlib.contextmanager
def _refusing(url: str, verb: str, *passed: type[Exception]) -> Iterator[None]:
    """Turns what the system or a store's library raises into a refusal, but for what is passed on."""
    try:
        yield
    except (AvnetError, *passed):
        raise
    except Exception as error:  # each store's library has errors of its own
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(url, f"cannot be {verb} ({reason})") from None
