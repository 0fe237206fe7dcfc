"""Putting the frames and sounds of files into an index that can be searched."""

import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from avnet.apps.embed import EmbedOptions, embed_moments
from avnet.apps.inputs import find_media, open_aligned_model, refuse_all
from avnet.errors import AvnetError, MediaError, NotMedia, OptionError
from avnet.events import LeftOut, Listener, nobody, steps
from avnet.files.whole import write_text
from avnet.index.entry import Entry, Source
from avnet.index.index import Index, is_index
from avnet.index.segment import Kind
from avnet.media.container import check_regular_file

if TYPE_CHECKING:
    from avnet.correspondence.model import Model

REJECTS = "rejected.jsonl"
# At most so much work is lost when the process is killed.
SAVE_ROWS = 4096
SAVE_S = 10.0


@dataclass(frozen=True)
class IndexOptions(EmbedOptions):
    """How files are indexed."""

    half: bool = False
    """Store vectors in float16 instead of float32, in half the space; cosines change by less than 0.0005."""


@dataclass
class IndexReport:
    """What became of the inputs of one run.

    Attributes:
        images: that were added.
        sounds: that were added.
        silent: clips that were left out because nothing can be heard in them.
        files: whose images and sounds were added.
        unchanged: files that were there already, unchanged.
        refusals: why files were left out.
        counts: of each kind, all that the index now holds.
        indexed_files: files with at least one entry in the index.
    """

    images: int = 0
    sounds: int = 0
    silent: int = 0
    files: int = 0
    unchanged: int = 0
    refusals: tuple[AvnetError, ...] = ()
    counts: dict[Kind, int] = field(default_factory=dict)
    indexed_files: int = 0


def index_files(
    model: "str | Path | Model",
    folder: str | Path,
    inputs: Iterable[str | Path],
    options: IndexOptions | None = None,
    on_event: Listener = nobody,
) -> IndexReport:
    """Adds the frames and sounds of files to an index; what is there and unchanged is skipped.

    Args:
        model: one in which what belongs together is near, or its folder.
        folder: of the index; made if it is not there.
        inputs: files, and folders that are searched for them.
        options: which moments, and how they are stored.
        on_event: is told of progress and of what is left out.

    Raises:
        AvnetError: the model, the index, an option or all of the inputs cannot be used.
    """
    options, folder = options or IndexOptions(), Path(folder)
    # An index is searched from anywhere, so it holds whole paths; what is not there is named as it was given.
    files, others = find_media(inputs)
    files = [Path(os.path.abspath(file)) if file.exists() else file for file in files]
    others = [NotMedia(os.path.abspath(error.subject), error.reason) for error in others]
    if not others and not is_index(folder):
        _refuse_missing(files)
    model = open_aligned_model(model)
    report = IndexReport()
    with _open(folder, model, options) as store:
        rejects = _Rejects(folder / REJECTS, [*files, *(Path(error.subject) for error in others)])
        for error in others:
            rejects.add(error)
            on_event(LeftOut(error))
        last_save = time.monotonic()
        try:
            for file in steps(files, "indexing", len(files), "files", on_event):
                try:
                    _add(store, model, file, options, report)
                except MediaError as error:
                    rejects.add(error)
                    if len(files) + len(others) > 1:  # else it is the reason why all is refused, and said once
                        on_event(LeftOut(error))
                if store.unsaved_rows >= SAVE_ROWS or time.monotonic() - last_save > SAVE_S:
                    store.save()
                    last_save = time.monotonic()
        finally:
            store.save()  # also after Ctrl-C: whole files only are waiting
        report.refusals = tuple(rejects.refusals)
        # What was read says more of why nothing came of it than what lay beside it.
        first = report.refusals[len(others) :] + report.refusals[: len(others)]
        refuse_all(first, len(files) + len(others))
        report.counts, report.indexed_files = store.counts(), store.file_count()
    return report


def _refuse_missing(files: list[Path]) -> None:
    """Refuses files none of which is there, before an index is made for them.

    Raises:
        DataError: none is.
    """
    refusals = []
    for file in files:
        try:
            check_regular_file(file)
        except MediaError as error:
            refusals.append(error)
        else:
            return
    refuse_all(refusals, len(files))


def _open(folder: Path, model: "Model", options: IndexOptions) -> Index:
    if not is_index(folder):
        precision = "float16" if options.half else "float32"
        return Index.create(folder, model.fingerprint, model.config.features, precision)
    store = Index.open(folder, model.fingerprint)
    if options.half and store.precision != "float16":
        store.close()
        raise OptionError("half", f"goes with a new index; {folder} holds {store.precision}")
    return store


def _add(store: Index, model: "Model", file: Path, options: IndexOptions, report: IndexReport) -> None:
    source = _source(file, options)
    if store.holds(source):
        report.unchanged += 1
        return
    moments = embed_moments(model, file, options, leave_out_silence=True)
    entries = [Entry(source.file, at, kind) for at, kind in zip(moments.times.tolist(), moments.kinds, strict=True)]
    store.add(moments.embeddings, entries, source)
    report.files += 1
    report.images += moments.kinds.count("image")
    report.sounds += moments.kinds.count("sound")
    report.silent += moments.silent


def _source(file: Path, options: IndexOptions) -> Source:
    try:
        # SQLite stores text as UTF-8 and nothing else.
        str(file).encode()
        state = file.stat()
    except UnicodeEncodeError:
        raise NotMedia(file, "has a name that is not UTF-8; rename it") from None
    except OSError:
        return Source(str(file), "")  # reading it will say what is wrong
    moments = f"every {options.every:g} s"
    if options.audio_track is not None:
        moments += f", audio track {options.audio_track}"
    return Source(str(file), f"{state.st_size} bytes, changed {state.st_mtime_ns}, {moments}")


class _Rejects:
    """The list of files that could not be read; a row stays until its file is tried again.

    Attributes:
        refusals: those of this run.
    """

    def __init__(self, path: Path, files: list[Path]):
        self.path = path
        self.refusals: list[MediaError] = []
        again = {str(file) for file in files}
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        remaining = [line for line in lines if (name := _file_of(line)) and name not in again]
        if remaining != lines:
            write_text(path, "".join(f"{line}\n" for line in remaining), own=True)

    def add(self, error: MediaError) -> None:
        """Notes one more; a killed process has written all up to the last."""
        self.refusals.append(error)
        row = {"file": error.subject, "kind": type(error).__name__, "reason": error.reason}
        try:
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as failure:
            raise AvnetError(self.path, f"cannot be written ({failure.strerror})") from None


def _file_of(line: str) -> str | None:
    """The file that a row names; None for the torn last row of a killed process."""
    try:
        return json.loads(line)["file"]
    except (ValueError, KeyError, TypeError):
        return None
