"""Files that visitors sent: received with patience and limits, kept under names of ours, deleted when they expire."""

import asyncio
import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from avnet.errors import AvnetError
from avnet.media.suffixes import IMAGES, SOUNDS, VIDEOS
from avnet.web.config import WebOptions

# Of a name, which is text and no part of a path; characters.
LONGEST_NAME = 200
# A body may take so long for each MB, however patient one is with its parts; seconds.
SECONDS_PER_MB, LEAST_BODY_S = 30.0, 60.0
FILE_MODE = 0o600


class NotTaken(AvnetError):
    """What was sent is no media that can be used."""


class TooManyBytes(AvnetError):
    """More than is taken of one visitor, or of all."""


class TooSlow(AvnetError):
    """Nothing came for too long."""


class TooManyUploads(AvnetError):
    """A visitor is sending too many files at the same time."""


class DiskFull(AvnetError):
    """What is kept for all visitors has reached its limit."""


@dataclass
class Media:
    """A file that a visitor sent.

    Attributes:
        id: by which it is known; nobody guesses it.
        session: whose it is.
        name: that the visitor gave it, as text.
        path: where it lies.
        size: bytes.
        kind: what it was found to be.
        facts: `duration_s`, `width`, `height`, `has_sound`, as far as it has them.
        last_use: on the monotonic clock, seconds.
        users: jobs that need it; it does not expire while there are any.
        playable: what becomes of its copy for browsers, once somebody asked for it.
        copy_size: bytes of that copy.
    """

    id: str
    session: str
    name: str
    path: Path
    size: int
    kind: Literal["video", "image", "sound"]
    facts: dict[str, Any]
    last_use: float = field(default_factory=time.monotonic)
    users: int = 0
    playable: asyncio.Future | None = None
    copy_size: int = 0


class Uploads:
    """The files that are kept.

    Attributes:
        folder: where all of them lie, each in a folder of its own.
    """

    def __init__(self, folder: Path, options: WebOptions, beside: Callable[[], int] = lambda: 0):
        """Makes the folder.

        Args:
            folder: new.
            options: limits.
            beside: bytes that lie elsewhere and count, too.
        """
        self.folder, self._options, self._beside = folder, options, beside
        folder.mkdir(mode=0o700)
        self._media: dict[str, Media] = {}
        self._sending: Counter[str] = Counter()
        self._unknown: dict[Path, int] = {}  # bytes of files of which nobody knows yet whether they are media
        self._incoming = 0  # bytes of bodies that are being received

    def __len__(self) -> int:
        return len(self._media)

    def get(self, id: str, session: str) -> Media | None:
        """A file of a visitor, which is now used; None where this visitor has none of this name."""
        media = self._media.get(id)
        if media is None or media.session != session:
            return None
        media.last_use = time.monotonic()
        return media

    async def receive(self, session: str, name: str, length: int | None, body: AsyncIterator[bytes]) -> Path:
        """Writes a body to a file of its own.

        Args:
            session: who sends it.
            name: what it is called in refusals; of its suffix, one that media have is kept.
            length: bytes that are announced.
            body: its parts.

        Raises:
            TooManyBytes, TooSlow, TooManyUploads, DiskFull: see there.
        """
        options, most = self._options, self._options.upload_mb * 10**6
        if length is not None and length > most:
            raise TooManyBytes(name, f"is larger than the {options.upload_mb} MB that are taken")
        if self._sending[session] >= options.uploads_at_once:
            raise TooManyUploads(name, f"comes while {options.uploads_at_once} others are being sent; try again later")
        path = self.folder / secrets.token_urlsafe(16) / f"media{_suffix(name)}"
        path.parent.mkdir(mode=0o700)
        self._sending[session] += 1
        size = 0
        deadline = time.monotonic() + max(LEAST_BODY_S, SECONDS_PER_MB * (length or most) / 1e6)
        try:
            with open(path, "xb", opener=lambda file, flags: os.open(file, flags, FILE_MODE)) as file:
                parts = aiter(body)
                while True:
                    try:
                        part = await asyncio.wait_for(anext(parts, None), options.patience_s)
                    except TimeoutError:
                        raise TooSlow(name, f"stopped coming for {options.patience_s:g} s") from None
                    if part is None:
                        break
                    if time.monotonic() > deadline:
                        raise TooSlow(name, "comes too slowly")
                    size += len(part)
                    self._incoming += len(part)
                    if size > most:
                        raise TooManyBytes(name, f"is larger than the {options.upload_mb} MB that are taken")
                    self.check_disk(name)
                    file.write(part)
        except BaseException:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
        finally:
            self._incoming -= size
            self._sending[session] -= 1
            if not self._sending[session]:
                del self._sending[session]
        self._unknown[path] = size
        return path

    def check_disk(self, name: str) -> None:
        """Refuses more than what is kept for all.

        Raises:
            DiskFull: it is reached.
        """
        kept = sum(media.size + media.copy_size for media in self._media.values()) + sum(self._unknown.values())
        kept += self._incoming + self._beside()
        if kept > self._options.disk_mb * 10**6:
            raise DiskFull(name, "finds no room: too much is kept for others; try again later")

    def add(self, session: str, name: str, path: Path, facts: dict[str, Any]) -> Media:
        """Keeps a file that was received and found to be media.

        Args:
            session: whose it is.
            name: as text.
            path: where `receive` put it.
            facts: what a lane found, with its `kind`.
        """
        facts = dict(facts)
        media = Media(path.parent.name, session, name, path, path.stat().st_size, facts.pop("kind"), facts)
        self._media[media.id] = media
        self._unknown.pop(path, None)
        return media

    def forget(self, media: Media) -> None:
        """Deletes a file and all that was made of it."""
        self._media.pop(media.id, None)
        shutil.rmtree(media.path.parent, ignore_errors=True)

    def discard(self, path: Path) -> None:
        """Deletes a file that was received and is not media."""
        self._unknown.pop(path, None)
        shutil.rmtree(path.parent, ignore_errors=True)

    def expire(self) -> None:
        """Deletes what nobody has used for long."""
        for media in list(self._media.values()):
            if not media.users and self.expires_s(media) <= 0:
                self.forget(media)

    def expires_s(self, media: Media) -> float:
        """Seconds until it is deleted if nobody uses it."""
        return media.last_use + 60 * self._options.keep_minutes - time.monotonic()


@contextmanager
def in_use(*several: Media | None) -> Iterator[None]:
    """Keeps files from expiring."""
    those = [media for media in several if media is not None]
    for media in those:
        media.users += 1
    try:
        yield
    finally:
        for media in those:
            media.users -= 1
            media.last_use = time.monotonic()


def name_as_text(name: str) -> str:
    """What a visitor calls a file, in one line that can be shown: the last part of a path, without odd characters."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    text = "".join(letter if letter.isprintable() else "?" for letter in last)
    if len(text) > LONGEST_NAME:
        suffix = _suffix(text)
        text = f"{text[: LONGEST_NAME - len(suffix) - 1]}…{suffix}"
    return text.strip() or "upload"


def _suffix(name: str) -> str:
    """The suffix of a name where it is one of ours, since FFmpeg guesses by it; else none."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix in IMAGES | SOUNDS | VIDEOS else ""
