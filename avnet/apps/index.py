"""Putting the frames and sounds of files into an index that can be searched, and keeping it up to date."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from avnet.apps.archive.archive_file import (
    ArchiveFile,
    archive_file,
    find_files,
    is_gone,
    moments_of,
    stamp_now,
)
from avnet.apps.archive.changes import below, find_changes
from avnet.apps.archive.intake import Intake
from avnet.apps.archive.jobs import Runner, plan_jobs, run_here
from avnet.apps.archive.model_source import ModelSource
from avnet.apps.archive.moments import EmbedOptions
from avnet.apps.archive.rejects import REJECTS, Rejects
from avnet.apps.archive.report import IndexReport
from avnet.apps.inputs import refuse_all
from avnet.errors import AvnetError, IndexFolderError, MediaError, NotMedia, OptionError
from avnet.events import LeftOut, Listener, Notice, nobody, steps
from avnet.files.lock import locked
from avnet.files.storage import is_address
from avnet.index.entry import Source
from avnet.index.index import Index, is_index
from avnet.media.container import check_regular_file

if TYPE_CHECKING:
    from avnet.correspondence.model import Model

__all__ = ["REJECTS", "IndexOptions", "IndexReport", "compact_index", "index_files", "watch_files"]


@dataclass(frozen=True)
class IndexOptions(EmbedOptions):
    """How files are indexed."""

    half: bool = False
    """Store vectors in float16 instead of float32, in half the space; cosines change by less than 0.0005."""

    update: bool = False
    """Bring the index up to date: find files that were added, changed, moved or deleted since. A file is known again by
    its size and times, or else by a hash of its content; one that was moved is not embedded again."""

    prune: bool = False
    """With --update, remove the entries of files that are gone from the folders that are named."""

    workers: int = 1
    """Number of processes that embed; fewer where there are few files. What comes of it is the same for any number. A
    script that asks for several must not do so while it is imported: if __name__ == "__main__"."""

    def __post_init__(self):
        super().__post_init__()
        if self.workers < 1:
            raise OptionError("workers", f"must be at least 1, got {self.workers}")
        if self.prune and not self.update:
            raise OptionError("prune", "goes with --update")


def index_files(
    model: "str | Path | Model",
    folder: str | Path,
    inputs: Iterable[str | Path],
    options: IndexOptions | None = None,
    on_event: Listener = nobody,
    runner: Runner | None = None,
    scratch: str | Path | None = None,
) -> IndexReport:
    """Adds the frames and sounds of files to an index; what is there and unchanged is skipped.

    Args:
        model: one in which what belongs together is near, or its folder.
        folder: of the index; made if it is not there.
        inputs: files, folders that are searched for them, and addresses (s3://, gs://) of either.
        options: which moments, how they are stored, and whether to look for moved and deleted files too.
        on_event: is told of progress and of what is left out.
        runner: who embeds; None for processes of this machine, `options.workers` of them.
        scratch: folder or address where they put what they have embedded until it is in the index; None for one in the
            index.

    Raises:
        AvnetError: the model, the index, an option or all of the inputs cannot be used; another run is writing into the
            index.
    """
    return _index(ModelSource(model), Path(folder), list(inputs), options or IndexOptions(), on_event, runner, scratch)


def watch_files(
    model: "str | Path | Model",
    folder: str | Path,
    inputs: Iterable[str | Path],
    options: IndexOptions,
    interval_s: float,
    on_report: Callable[[IndexReport], None],
    on_event: Listener = nobody,
) -> None:
    """Updates an index again and again, until it is interrupted; what was embedded until then is saved.

    Args:
        model: as of `index_files`, as are folder and inputs.
        folder: of the index.
        inputs: files and folders.
        options: which moments, how they are stored, and what is looked for.
        interval_s: seconds from the end of an update to the next.
        on_report: is told of every update.
        on_event: is told of progress and of what is left out.

    Raises:
        AvnetError: the first update was refused. Later ones are told as a notice, and tried again.
    """
    source, inputs = ModelSource(model), list(inputs)
    on_report(_index(source, Path(folder), inputs, options, on_event))
    while True:
        time.sleep(interval_s)
        try:
            on_report(_index(source, Path(folder), inputs, options, on_event))
        except AvnetError as error:
            on_event(Notice(f"{error}; trying again in {interval_s:g} s"))


def compact_index(folder: str | Path) -> tuple[int, int]:
    """Puts all small segments of an index together, and deletes what nobody reads any more.

    Args:
        folder: of the index.

    Returns:
        How many segments there were, and how many there are.

    Raises:
        AvnetError: it cannot be opened or written, or another run is writing into it.
    """
    folder = Path(folder)
    if not is_index(folder):
        Index.open(folder).close()  # says what is wrong
    with locked(folder, IndexFolderError), Index.open(folder) as store:
        compaction = store.upkeep.compact(few=0)
    return compaction.before, compaction.after


def _index(
    model: ModelSource,
    folder: Path,
    inputs: Sequence[str | Path],
    options: IndexOptions,
    on_event: Listener,
    runner: Runner | None = None,
    scratch: str | Path | None = None,
) -> IndexReport:
    # An index is searched from anywhere, so it holds whole paths; what is not there is named as it was given.
    files, others = find_files(inputs)
    if not others and not is_index(folder):
        _refuse_missing(files)
    files = [_whole(file) if options.update or not is_gone(file) else file for file in files]
    others = [NotMedia(_absolute(error.subject), error.reason) for error in others]
    if not (options.update and is_index(folder)):
        model.open()
    report = IndexReport()
    with locked(folder, IndexFolderError), _open(folder, model, options) as store:
        store.upkeep.tidy()
        rejects = Rejects(folder / REJECTS)
        intake = Intake(store, scratch, rejects, report, on_event if len(files) + len(others) > 1 else nobody)
        intake.take_over()
        todo = files
        if options.update:
            todo = _catch_up(store, files, inputs, options, rejects, report, on_event)
        rejects.forget([*(file.name for file in todo), *(error.subject for error in others)])
        for error in others:
            rejects.add(error)
            on_event(LeftOut(error))
        if not options.update:
            todo = [file for file in files if not _is_there(store, file, options)]
            report.unchanged += len(files) - len(todo)
        jobs = plan_jobs(todo, model.folder, model.fingerprint, options, intake.folder)
        run = runner or partial(run_here, model, workers=options.workers)
        # One is refused with the reason of all, and told of it once.
        for _ in steps(intake.take(jobs, run), "indexing", len(todo), "files", on_event):
            pass
        report.refusals = tuple(rejects.refusals)
        # What was read says more of why nothing came of it than what lay beside it.
        first = report.refusals[len(others) :] + report.refusals[: len(others)]
        refuse_all(first, len(files) + len(others))
        if options.update:
            store.upkeep.compact()
        report.counts, report.indexed_files = store.counts(), store.file_count()
    return report


def _whole(file: ArchiveFile) -> ArchiveFile:
    """By its whole path."""
    return file if is_address(file.name) else archive_file(_absolute(file.name))


def _absolute(place: str | Path) -> str:
    return str(place) if is_address(place) else os.path.abspath(place)


def _catch_up(
    store: Index,
    files: list[ArchiveFile],
    inputs: Sequence[str | Path],
    options: IndexOptions,
    rejects: Rejects,
    report: IndexReport,
    on_event: Listener,
) -> list[ArchiveFile]:
    """Notes what has moved and what is gone, and says which files there are to embed."""
    places = [_absolute(place) for place in inputs]
    known = store.upkeep.file_states()
    # A store is asked only for what lies where it was listed: each question takes its time.
    stored = below((state for state in known if is_address(state.path)), places)
    states = [*(state for state in known if not is_address(state.path)), *stored]
    changes = find_changes(states, files, moments_of(options), on_event)
    drops = list(changes.replaced)
    if options.prune:
        # A folder that is not there may be that of a disk which is not plugged in.
        gone = below(changes.gone, [place for place in places if is_address(place) or os.path.isdir(place)])
        gone += [state for state in changes.gone if state.path in places]
        drops += {state.number for state in gone}
        report.pruned = len(drops) - len(changes.replaced)
    if changes.places or drops:
        store.upkeep.rearrange(changes.places, drops)
    report.unchanged, report.moved = changes.unchanged, changes.moved
    report.gone = len(changes.gone) - report.pruned
    refused = rejects.stamps()
    rejects.forget(name for name in refused if not is_address(name) and not os.path.lexists(name))
    todo = [
        file for file in changes.embed if refused.get(file.name, "no state") != stamp_now(file, moments_of(options))
    ]
    report.unread = len(changes.embed) - len(todo)
    return todo


def _refuse_missing(files: Sequence[ArchiveFile]) -> None:
    """Refuses files none of which is there, before an index is made for them.

    Raises:
        DataError: none is.
    """
    refusals = []
    for file in files:
        if is_address(file.name):
            return
        try:
            check_regular_file(file.name)
        except MediaError as error:
            refusals.append(error)
        else:
            return
    refuse_all(refusals, len(files))


def _open(folder: Path, model: ModelSource, options: IndexOptions) -> Index:
    if not is_index(folder):
        precision = "float16" if options.half else "float32"
        opened = model.open()
        return Index.create(folder, opened.fingerprint, opened.config.features, precision)
    store = Index.open(folder, model.fingerprint)
    if options.half and store.precision != "float16":
        store.close()
        raise OptionError("half", f"goes with a new index; {folder} holds {store.precision}")
    return store


def _is_there(store: Index, file: ArchiveFile, options: IndexOptions) -> bool:
    """Whether a file is in the index in the state that it is in."""
    stamp = stamp_now(file, moments_of(options))
    return stamp != "" and store.holds(Source(file.name, stamp))
