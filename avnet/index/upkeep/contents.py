"""What an index knows of the content of its files, so that one that was moved is known again."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from avnet.index.catalogue import Catalogue

# Made with the first content, so that an index of before has none.
_TABLE = """
CREATE TABLE IF NOT EXISTS contents (
    file INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, changed_ns INTEGER NOT NULL,
    moments TEXT NOT NULL, settled INTEGER NOT NULL
)
"""


@dataclass(frozen=True)
class Content:
    """A state of a file's content.

    Attributes:
        sha256: hexadecimal.
        bytes: its size.
        changed_ns: when the system last changed anything of the file, as it says; nobody can set that time.
        moments: which of its moments were embedded, in words.
        settled: whether its times were well past when it was read. Where not, a later change may have left both times
            as they are, and only the hash tells.
    """

    sha256: str
    bytes: int
    changed_ns: int
    moments: str
    settled: bool


@dataclass(frozen=True)
class FileState:
    """What the tables say of a file.

    Attributes:
        number: by which rows name it.
        path: of it.
        stamp: its state when it was added.
        content: None where it was added by an avnet that noted none.
    """

    number: int
    path: str
    stamp: str
    content: Content | None


def note_content(tables: Catalogue, number: int, content: Content | None) -> None:
    """Notes the content of a file within a transaction; None forgets it."""
    tables.change(_TABLE)
    tables.change("DELETE FROM contents WHERE file = ?", number)
    if content is not None:
        values = (content.sha256, content.bytes, content.changed_ns, content.moments, content.settled)
        tables.change("INSERT INTO contents VALUES (?, ?, ?, ?, ?, ?)", number, *values)


def file_states(tables: Catalogue) -> list[FileState]:
    """Of all files."""
    if not tables.query("SELECT 1 FROM sqlite_master WHERE name = 'contents'"):
        return [
            FileState(id, path, stamp, None) for id, path, stamp in tables.query("SELECT id, path, stamp FROM files")
        ]
    rows = tables.query(
        "SELECT id, path, stamp, sha256, bytes, changed_ns, moments, settled FROM files"
        " LEFT JOIN contents ON contents.file = files.id"
    )
    return [FileState(id, path, stamp, _content(content)) for id, path, stamp, *content in rows]


def _content(columns: list[Any]) -> Content | None:
    """What a row says; of a file of which none was noted all columns are empty."""
    sha256, size, changed_ns, moments, settled = columns
    return None if sha256 is None else Content(sha256, size, changed_ns, moments, bool(settled))


def drop_files(tables: Catalogue, numbers: Iterable[int]) -> None:
    """Forgets files with all their rows within a transaction."""
    tables.change(_TABLE)
    for number in numbers:
        tables.change("DELETE FROM entries WHERE file = ?", number)
        tables.change("DELETE FROM contents WHERE file = ?", number)
        tables.change("DELETE FROM files WHERE id = ?", number)


def place_files(tables: Catalogue, places: Iterable[tuple[int, str, str, Content | None]]) -> None:
    """Notes within a transaction where files now lie, and in which state: (number, path, stamp, content) of each."""
    places = list(places)
    # Two files may have changed places, and no two may have one path in between; a path holds no null.
    for number, *_ in places:
        tables.change("UPDATE files SET path = ? WHERE id = ?", f"\0{number}", number)
    for number, path, stamp, content in places:
        tables.change("UPDATE files SET path = ?, stamp = ? WHERE id = ?", path, stamp, number)
        note_content(tables, number, content)
