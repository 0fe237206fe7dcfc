"""Names of files as lists spell them, and as they are on the disk."""

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

# Of a list and of a folder, shown where nothing matches.
EXAMPLES = 3


def match_names(names: Sequence[str], spellings: Collection[str]) -> list[str | None]:
    """The name by which a list calls each file; None where it does not.

    A list may spell a name with backslashes, with accents apart, in other case, without the folders, or without folders
    and suffix. Other than to the letter, one row and one file alone must have what is left of the name.

    Args:
        names: of the files.
        spellings: names in the list.
    """
    matches: list[str | None] = [name if name in spellings else None for name in names]
    for key in _KEYS:
        if None not in matches:
            break
        rows, files = [key(name) for name in spellings], [key(name) for name in names]
        times, unique = Counter(files), dict(zip(rows, spellings, strict=True))
        for spelling in (spelling for spelling, count in Counter(rows).items() if count > 1):
            del unique[spelling]
        for i, spelling in enumerate(files):
            if matches[i] is None and times[spelling] == 1:
                matches[i] = unique.get(spelling)
    return matches


def why_none(spellings: Iterable[str], names: Iterable[str]) -> str:
    """Which names were looked for and which are there, a few of each, for a list that matches nothing."""
    return f"it names {_some(spellings)}; there are {_some(names)}"


def path_of(folder: Path, name: str) -> Path:
    """The file that a table names, relative to a folder unless it is absolute; symbolic links stay as they are.

    Where there is none of that very name, backslashes count as slashes, and case and the form of accents do not count
    if one file alone is meant.
    """
    path = Path(os.path.normpath(folder / name))
    if os.path.lexists(path) or "\0" in name:
        return path
    folder = Path(os.path.normpath(folder))
    spellings = dict.fromkeys((path, Path(os.path.normpath(folder / name.replace("\\", "/")))))
    places = [(folder if one.is_relative_to(folder) else Path(one.anchor), one) for one in spellings]
    candidates = (_respell(below, one.relative_to(below).parts) for below, one in places)
    return next(filter(None, candidates), path)


def why_no_file(file: Path) -> str:
    """Why there is no file to read under a name; empty where there is one."""
    # Not Path.is_file: it raises for a name that is too long.
    if os.path.isfile(file):
        return ""
    if os.path.exists(file):
        return "is not a regular file"
    try:
        str(file).encode()
    except UnicodeEncodeError:
        return "is missing (its name is not UTF-8)"
    return "is missing"


def _respell(folder: Path, parts: Sequence[str]) -> Path | None:
    for part in parts:
        if not os.path.lexists(folder / part):
            try:
                spelling = _spellings(folder, folder.stat().st_mtime_ns).get(fold_name(part), "")
            except OSError:
                return None
            if not spelling:
                return None
            part = spelling
        folder = folder / part
    return folder


@lru_cache(maxsize=64)
def _spellings(folder: Path, changed_ns: int) -> dict[str, str]:
    """What is in a folder, by folded name; empty where two have one. The time tells a changed folder from its past."""
    names = os.listdir(folder)
    counts = Counter(map(fold_name, names))
    return {fold_name(name): name if counts[fold_name(name)] == 1 else "" for name in names}


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip()).replace("\\", "/").removeprefix("./")


def fold_name(name: str) -> str:
    """What a name has in common with others that differ in slashes, case or the form of accents."""
    return _plain(_plain(name).casefold())


def _name(name: str) -> str:
    return _plain(name).rpartition("/")[2]


def _stem(name: str) -> str:
    stem, _, suffix = _name(name).rpartition(".")
    return stem if stem and suffix else _name(name)


# Ever less of a name; case counts as long as it can.
_KEYS: tuple[Callable[[str], str], ...] = (
    _plain,
    _name,
    _stem,
    fold_name,
    lambda name: _name(fold_name(name)),
    lambda name: _stem(fold_name(name)),
)


def _some(names: Iterable[str]) -> str:
    first = sorted(set(names))
    text = ", ".join(repr(name) for name in first[:EXAMPLES]) or "none"
    return text + (f" and {len(first) - EXAMPLES} more" if len(first) > EXAMPLES else "")
