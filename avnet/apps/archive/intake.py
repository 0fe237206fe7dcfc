"""Putting what jobs have embedded into an index, in the order of the jobs."""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from avnet.apps.archive.jobs import Embedded, EmbedJob, Runner, read_job
from avnet.apps.archive.rejects import Rejects
from avnet.apps.archive.report import IndexReport
from avnet.errors import IndexFolderError, MediaError
from avnet.events import LeftOut, Listener
from avnet.files.storage import Folder, is_address
from avnet.index.entry import Entry
from avnet.index.index import Index

# The folder in an index where jobs put their embeddings, if nobody names another, and rows that make a segment.
JOBS = ".jobs"
SAVE_ROWS = 4096


class Intake:
    """Of one run, which holds the lock of the index.

    Args:
        store: the index.
        scratch: folder or address where jobs put their embeddings; None for one in the index.
        rejects: the list of files that cannot be used.
        report: is filled.
        on_event: is told of what is left out.
    """

    def __init__(
        self, store: Index, scratch: str | Path | None, rejects: Rejects, report: IndexReport, on_event: Listener
    ):
        self.store, self.rejects, self.report, self._on_event = store, rejects, report, on_event
        self.folder = Folder(os.path.abspath(store.folder / JOBS) if scratch is None else _own(scratch, store))
        self._unsaved: list[str] = []

    def take_over(self) -> None:
        """Takes in what jobs have written that nobody has taken in, of this run or of one that was killed.

        Raises:
            IndexFolderError: the index cannot be written.
        """
        for name in self.folder.names():
            if not name.startswith("."):
                # What is of another model, or damaged, is embedded again.
                with contextlib.suppress(IndexFolderError):
                    self._add(self.folder.address(name))
            self._unsaved.append(name)
        self._save()
        if self.folder.is_local:
            with contextlib.suppress(OSError):  # it is not there
                os.rmdir(self.folder.url)

    def take(self, jobs: Sequence[EmbedJob], run: Runner) -> Iterator[str]:
        """Has jobs done, takes in their results in the order of the jobs, and yields each file of them.

        Segments are saved where enough rows are there, so they are the same however many jobs ran at a time.

        Args:
            jobs: numbered from 0.
            run: has them done.

        Raises:
            AvnetError: a job failed, or the index cannot be written. What other jobs did is taken in.
        """
        done, first = set(), 0
        try:
            for number in run(jobs):
                done.add(number)
                while first in done:
                    self._add(jobs[first].out)
                    self._unsaved.append(jobs[first].out.rpartition("/")[2])
                    if self.store.unsaved_rows >= SAVE_ROWS:
                        self._save()
                    yield from jobs[first].files
                    first += 1
        finally:
            # Also after Ctrl-C, and those that wait for one that failed.
            self._save()
            self.take_over()

    def _add(self, file: str) -> None:
        for embedded in read_job(file, self.store.model_fingerprint):
            self._add_file(embedded)

    def _add_file(self, embedded: Embedded) -> None:
        if isinstance(embedded.result, MediaError):
            self.rejects.add(embedded.result, embedded.stamp)
            self._on_event(LeftOut(embedded.result))
            return
        source, moments = embedded.result
        times = moments.times.tolist()
        entries = [Entry(source.file, time, kind) for time, kind in zip(times, moments.kinds, strict=True)]
        self.store.add(moments.embeddings, entries, source)
        self.report.files += 1
        self.report.images += moments.kinds.count("image")
        self.report.sounds += moments.kinds.count("sound")
        self.report.silent += moments.silent

    def _save(self) -> None:
        """Puts rows on disk, and only then deletes what they came from."""
        self.store.save()
        for name in self._unsaved:
            self.folder.remove(name)
        self._unsaved = []


def _own(scratch: str | Path, store: Index) -> str:
    """The folder of one index in a place where others may have theirs."""
    digest = hashlib.sha256(os.path.abspath(store.folder).encode("utf-8", "replace")).hexdigest()
    place = str(scratch) if is_address(scratch) else os.path.abspath(scratch)
    return f"{place.rstrip('/')}/avnet-{digest[:16]}"
