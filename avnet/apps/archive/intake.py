"""Putting what jobs have embedded into an index, in the order of the jobs."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from avnet.apps.archive.jobs import Embedded, EmbedJob, Runner, read_job
from avnet.apps.archive.rejects import Rejects
from avnet.apps.archive.report import IndexReport
from avnet.errors import IndexFolderError, MediaError
from avnet.events import LeftOut, Listener
from avnet.index.entry import Entry
from avnet.index.index import Index

# The folder in an index where jobs put their embeddings, and rows that make a segment.
JOBS = ".jobs"
SAVE_ROWS = 4096


class Intake:
    """Of one run, which holds the lock of the index.

    Args:
        store: the index.
        rejects: the list of files that cannot be used.
        report: is filled.
        on_event: is told of what is left out.
    """

    def __init__(self, store: Index, rejects: Rejects, report: IndexReport, on_event: Listener):
        self.store, self.rejects, self.report, self._on_event = store, rejects, report, on_event
        self.folder = store.folder / JOBS
        self._unsaved: list[Path] = []

    def take_over(self) -> None:
        """Takes in what jobs have written that nobody has taken in, of this run or of one that was killed.

        Raises:
            IndexFolderError: the index cannot be written.
        """
        for file in sorted(self.folder.glob("*")):
            if not file.name.startswith("."):
                # What is of another model, or damaged, is embedded again.
                with contextlib.suppress(IndexFolderError):
                    self._add(file)
            self._unsaved.append(file)
        self._save()
        with contextlib.suppress(OSError):  # it is not there
            self.folder.rmdir()

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
                    file = Path(jobs[first].out)
                    self._add(file)
                    self._unsaved.append(file)
                    if self.store.unsaved_rows >= SAVE_ROWS:
                        self._save()
                    yield from jobs[first].files
                    first += 1
        finally:
            # Also after Ctrl-C, and those that wait for one that failed.
            self._save()
            self.take_over()

    def _add(self, file: Path) -> None:
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
        for file in self._unsaved:
            with contextlib.suppress(FileNotFoundError):
                file.unlink()
        self._unsaved = []
