"""`avnet index`: puts the frames and sounds of files into an index that can be searched."""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from avnet.apps.inputs import find_media, refuse_all
from avnet.apps.models import load_aligned
from avnet.apps.moments import SILENCE_DBFS, embed_moments
from avnet.errors import AvnetError, ConfigError, MediaError, NotMedia
from avnet.files.whole import write_text
from avnet.index.index import Entry, Index, Source, is_index
from avnet.program.progress import progress

if TYPE_CHECKING:
    from avnet.correspondence.model import Model

REJECTED = "rejected.jsonl"
# At most so much work is lost when the command is killed.
SAVE_ROWS = 4096
SAVE_S = 10.0


@dataclass(frozen=True)
class IndexConfig:
    """Index the frames and sounds of videos, images and sound files for `avnet search`.

    Run it again to go on after an interruption or to add files: what is there and unchanged is skipped. Files
    that cannot be read are named on stderr and in INDEX/rejected.jsonl; silence is not indexed as a sound.

    Example: avnet index model index ~/Videos ~/Pictures
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Model folder, of an AVE-Net."""
    index: Annotated[Path, tyro.conf.Positional]
    """Folder of the index; made if it is not there."""
    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Files, or folders that are searched for them."""
    every: float = 1.0
    """Seconds between two frames or clips of a video or sound."""
    half: bool = False
    """Make an index of half the size, with float16 in place of float32; cosines are off by less than 0.0005."""

    def __post_init__(self):
        if not self.inputs:
            raise ConfigError("INPUTS", "are missing: name at least one file or folder")
        if not 0.01 <= self.every <= 3600:
            raise ConfigError("--every", f"wants 0.01 to 3600 seconds, got {self.every:g}")


@dataclass
class Tally:
    """What became of the inputs of one run."""

    images: int = 0
    sounds: int = 0
    silent: int = 0
    files: int = 0
    skipped: int = 0


def index(config: IndexConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model, the index, an option or all of the inputs cannot be used.
    """
    # An index is searched from anywhere, so it holds whole paths; what is not there is named as it was given.
    given = find_media(config.inputs)
    files = [Path(os.path.abspath(file)) if file.exists() else file for file in given]
    model = load_aligned(config.model)
    with _open(config, model) as store:
        rejects = _Rejects(config.index / REJECTED, files)
        tally, refusals = Tally(), []
        saved = time.monotonic()
        try:
            for file in progress(files, "indexing", len(files), "files"):
                try:
                    _add(store, model, file, config.every, tally)
                except MediaError as error:
                    refusals.append(error)
                    rejects.add(error)
                if store.unsaved_rows >= SAVE_ROWS or time.monotonic() - saved > SAVE_S:
                    store.save()
                    saved = time.monotonic()
        finally:
            store.save()  # also after Ctrl-C: whole files only are waiting
        refuse_all(refusals, len(files))
        _summarise(config.index, store, tally, len(refusals))


def _open(config: IndexConfig, model: "Model") -> Index:
    if not is_index(config.index):
        precision = "float16" if config.half else "float32"
        return Index.create(config.index, model.fingerprint, model.config.embedding_size, precision)
    store = Index.open(config.index, model.fingerprint)
    if config.half and store.precision != "float16":
        store.close()
        raise ConfigError("--half", f"goes with a new index; {config.index} holds {store.precision}")
    return store


def _add(store: Index, model: "Model", file: Path, every_s: float, tally: Tally) -> None:
    source = _source(file, every_s)
    if store.holds(source):
        tally.skipped += 1
        return
    moments = embed_moments(model, file, every_s, leave_out_silence=True)
    entries = [Entry(source.file, at, kind) for at, kind in zip(moments.times.tolist(), moments.kinds, strict=True)]
    store.add(moments.embeddings, entries, source)
    tally.files += 1
    tally.images += moments.kinds.count("image")
    tally.sounds += moments.kinds.count("sound")
    tally.silent += moments.silent


def _source(file: Path, every_s: float) -> Source:
    try:
        str(file).encode()
        state = file.stat()
    except UnicodeEncodeError:
        raise NotMedia(file, "has a name that is not UTF-8; rename it") from None
    except OSError:
        return Source(str(file), "")  # reading it will say what is wrong
    return Source(str(file), f"{state.st_size} bytes, changed {state.st_mtime_ns}, every {every_s:g} s")


class _Rejects:
    """The list of files that could not be read; a row stays until its file is tried again."""

    def __init__(self, path: Path, tried: list[Path]):
        self.path = path
        again = {str(file) for file in tried}
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        kept = [line for line in lines if (name := _file_of(line)) and name not in again]
        if kept != lines:
            write_text(path, "".join(f"{line}\n" for line in kept))

    def add(self, error: MediaError) -> None:
        print(f"rejected: {error}", file=sys.stderr)
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


def _summarise(folder: Path, store: Index, tally: Tally, rejected: int) -> None:
    counts = store.counts()
    print(f"added {tally.images} pictures and {tally.sounds} sounds of {tally.files} files")
    if tally.silent:
        print(f"left out {tally.silent} silent seconds (below {SILENCE_DBFS:g} dBFS)")
    if tally.skipped:
        print(f"skipped {tally.skipped} files that were there already")
    if rejected:
        print(f"rejected {rejected} files; see {folder / REJECTED}")
    total = f"{counts['image']} pictures and {counts['sound']} sounds of {store.file_count()} files"
    print(f"{folder} holds {total}")
