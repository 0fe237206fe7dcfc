"""What has happened to the files of an archive since they were indexed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from avnet.apps.archive.archive_file import (
    ArchiveFile,
    State,
    archive_file,
    check_name,
    is_gone,
    is_same,
    reading,
    source_of,
    stamp_of,
)
from avnet.errors import MediaError
from avnet.events import Listener, nobody, steps
from avnet.index.entry import Source
from avnet.index.upkeep.contents import FileState


@dataclass
class Changes:
    """What is to be done about an archive.

    Attributes:
        embed: files to embed, in the order of their listing.
        places: number of a file in the index, and what is now known of it: where it lies, or only another time.
        replaced: numbers of files in whose place another file of the index now lies.
        gone: files of the index that are there no more, under no name.
        moved: files that lie elsewhere than before.
        unchanged: files that are as they were.
    """

    embed: list[ArchiveFile] = field(default_factory=list)
    places: list[tuple[int, Source]] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)
    gone: list[FileState] = field(default_factory=list)
    moved: int = 0
    unchanged: int = 0


@dataclass(frozen=True)
class _Candidate:
    """A file that is new or not as it was noted; `state` is None where it cannot be looked at."""

    file: ArchiveFile
    state: State | None
    noted: FileState | None


def find_changes(
    states: Sequence[FileState], files: Iterable[ArchiveFile], moments: str, on_event: Listener = nobody
) -> Changes:
    """Compares an archive with what an index knows of it; only files that may have moved or changed are read.

    A file is as it was when size and both times are the same, or the hash of its content. It has moved when a file of
    the index is gone, or has another content now, and this one has the content that was there.

    Args:
        states: what the index knows, of all its files.
        files: that were found now.
        moments: which moments of a file are indexed, in words.
        on_event: is told of progress.
    """
    changes, candidates = Changes(), []
    noted = {state.path: state for state in states}
    listed = set()
    for file in files:
        listed.add(file.name)
        before = noted.get(file.name)
        state = _state(file)
        if state is not None and before is not None and is_same(state, before, moments):
            changes.unchanged += 1
        else:
            candidates.append(_Candidate(file, state, before))
    gone = [state for state in states if state.path not in listed and is_gone(archive_file(state.path))]
    there = {candidate.noted.number for candidate in candidates if candidate.noted and candidate.state}
    missing = [candidate.noted for candidate in candidates if candidate.noted and candidate.state is None]
    gone += [state for state in missing if is_gone(archive_file(state.path))]
    numbers = {state.number for state in gone}
    candidates = [each for each in candidates if each.noted is None or each.noted.number not in numbers]
    # The sizes of contents that may lie elsewhere now; a new file of another size need not be read for that.
    free = [*gone, *(state for state in states if state.number in there)]
    sizes = {state.content.bytes for state in free if state.content}
    read = _read([each for each in candidates if _may_be_known(each, sizes, moments)], moments, on_event)
    sources = dict(read)
    rest = [each for each in candidates if not _stays(each, sources.get(each.file.name), moments, changes)]
    taken = {number for number, _ in changes.places}
    free_by_content: dict[tuple[str, str], list[FileState]] = {}
    for state in free:
        if state.content and state.number not in taken:
            free_by_content.setdefault((state.content.sha256, state.content.moments), []).append(state)
    for each in rest:
        source = sources.get(each.file.name)
        content = source.content if source else None
        matches = free_by_content.get((content.sha256, content.moments)) if content else None
        if source and matches:
            changes.places.append((matches.pop(0).number, source))
            changes.moved += 1
        else:
            changes.embed.append(each.file)
    taken = {number for number, _ in changes.places}
    places = {source.file for _, source in changes.places}
    changes.replaced = [state.number for state in states if state.path in places and state.number not in taken]
    changes.gone = [state for state in gone if state.number not in taken and state.path not in places]
    return changes


def _stays(each: _Candidate, source: Source | None, moments: str, changes: Changes) -> bool:
    """Whether a file's content is as it was noted; then its new times are what there is to note."""
    noted = each.noted
    if noted is None or source is None or source.content is None:
        return False
    if noted.content is None:  # by an avnet that noted none; then size and time must do, this once
        same = each.state is not None and noted.stamp == stamp_of(each.state, moments) == source.stamp
    else:
        same = (noted.content.sha256, noted.content.moments) == (source.content.sha256, moments)
    if same:
        changes.places.append((noted.number, source))
        changes.unchanged += 1
    return same


def _may_be_known(each: _Candidate, sizes: set[int], moments: str) -> bool:
    if each.state is None:
        return False
    if each.noted is not None and each.noted.content is None and each.noted.stamp == stamp_of(each.state, moments):
        return True
    return each.state.bytes in sizes


def _read(candidates: Sequence[_Candidate], moments: str, on_event: Listener) -> Iterator[tuple[str, Source]]:
    if not candidates:
        return
    for each in steps(candidates, "comparing", len(candidates), "files", on_event):
        try:
            with reading(each.file) as (path, state):
                yield each.file.name, source_of(each.file, path, state, moments)
        except MediaError:  # embedding it will say why
            continue


def _state(file: ArchiveFile) -> State | None:
    try:
        check_name(file.name)
        return file.state()
    except (OSError, MediaError):
        return None


def below(states: Iterable[FileState], places: Sequence[str]) -> list[FileState]:
    """Those of files that are, or lie in, one of some places."""
    return [
        state
        for state in states
        if any(state.path == top or state.path.startswith(top.rstrip("/") + "/") for top in places)
    ]
