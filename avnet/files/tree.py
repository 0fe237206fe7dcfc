"""All files below a folder, through links too."""

import heapq
import os
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import NamedTuple

# The files by which folders are known that avnet's programs write: what lies beside them is not the user's.
MARKS = frozenset({"artifact.json", "run.json", "prepare.json", "compose.json", "corpus.json", "given.json"})


class Tree(NamedTuple):
    """What lies below a folder.

    Attributes:
        files: all that are no folders, by their paths through links, sorted.
        left_out: folders that were not searched, each with the reason.
    """

    files: list[Path]
    left_out: list[tuple[Path, str]]


def list_tree(folder: Path) -> Tree:
    """Searches a folder, all folders in it, and those that links in it lead to, each once.

    A folder that is reached in two ways counts under its own name, or under that of the first link in order of names.
    """
    # A link to a folder above would search this one again, and everything around it.
    above = {state for parent in folder.resolve().parents if (state := _identity(parent))}
    places: dict[tuple[int, int], Path] = {}
    files: list[Path] = []
    left_out: list[tuple[Path, str]] = []
    folders: list[Path] = [folder]
    links: list[Path] = []
    while folders or links:
        # Links last, so that a folder of the tree is not found under the name of a link first.
        place = folders.pop() if folders else heapq.heappop(links)
        try:
            identity = _identity(place)
            if identity in above:
                left_out.append((place, "is a link to a folder that it lies in"))
                continue
            if identity in places:
                left_out.append((place, f"is a link to {places[identity]}, which is searched once"))
                continue
            with os.scandir(place) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
            if identity:
                places[identity] = place
            for entry in entries:
                path = place / entry.name
                if not _is_dir(entry):
                    files.append(path)
                elif entry.is_symlink():
                    heapq.heappush(links, path)
                else:
                    folders.append(path)
        except OSError as error:
            left_out.append((place, f"cannot be searched ({error.strerror})"))
    return Tree(sorted(files), sorted(left_out))


def own_folders(files: Iterable[PurePath]) -> set[PurePath]:
    """The folders among whose files is one by which avnet's programs know their own."""
    return {file.parent for file in files if file.name in MARKS}


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(folder: Path) -> tuple[int, int] | None:
    state = os.stat(folder)
    # Some file systems number nothing.
    return (state.st_dev, state.st_ino) if state.st_ino else None
