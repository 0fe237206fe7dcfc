"""All that happens in a job, kept in a file so that a page which is loaded again, or comes late, sees everything."""

import asyncio
import json
from bisect import bisect_right
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

# An event of these kinds takes the place of one right before it: the last word is enough.
LATEST = frozenset({"progress", "speech"})
# A comment line goes out so often, so that nobody on the way takes the connection for dead; seconds.
HEARTBEAT_S = 15.0


class EventLog:
    """Events in order, numbered from 1; on disk, since heatmaps of an hour of video are megabytes."""

    def __init__(self, file: Path):
        """Makes the file.

        Args:
            file: to write to; its folder must be there.
        """
        self._file = file
        file.touch(mode=0o600)
        self._ends: list[int] = []  # bytes of the file up to the end of each event
        self._starts: list[int] = []
        self._numbers: list[int] = []
        self._last_kind = ""
        self._number = 0
        self._closed = False
        self._news = asyncio.Event()

    def append(self, kind: str, data: Any) -> None:
        """Adds an event, and tells all who follow."""
        number = self._number + 1
        text = f"id: {number}\nevent: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
        replaces = kind in LATEST and kind == self._last_kind
        start = self._starts[-1] if replaces else self._ends[-1] if self._ends else 0
        try:
            with self._file.open("r+b") as file:
                file.seek(start)
                file.write(text)
                file.truncate()
        except OSError:  # no room on the disk, no descriptors: the event is lost, the job and its lane are not
            return
        if replaces:
            for numbers in (self._starts, self._ends, self._numbers):
                numbers.pop()
        self._number = number
        self._starts.append(start)
        self._ends.append(start + len(text))
        self._numbers.append(number)
        self._last_kind = kind
        self._wake()

    def close(self) -> None:
        """Ends the streams of all who follow, after what is there."""
        self._closed = True
        self._wake()

    async def follow(self, after: int = 0) -> AsyncIterator[bytes]:
        """Events as lines of server-sent events, those to come too, until the log is closed.

        Args:
            after: number of the last event that is known already.
        """
        while True:
            news = self._news
            place = bisect_right(self._numbers, after)
            if place < len(self._numbers):
                after = self._numbers[place]
                yield self._read(self._starts[place], self._ends[place])
            elif self._closed:
                return
            else:
                try:
                    await asyncio.wait_for(news.wait(), HEARTBEAT_S)
                except TimeoutError:
                    yield b": still here\n\n"

    def _read(self, start: int, end: int) -> bytes:
        try:
            with self._file.open("rb") as file:
                file.seek(start)
                return file.read(end - start)
        except OSError:  # the job was forgotten while somebody looked
            return b""

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
