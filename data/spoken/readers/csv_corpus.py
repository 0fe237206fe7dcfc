"""Corpora in tables with the header image,recording."""

from pathlib import Path

from data.names import path_of
from data.spoken.readers.description import Row
from data.table import Line, place_of, read_table

# Names that the column of the image may have.
IMAGE = ("image", "picture")


def csv_rows(path: Path) -> list[Row]:
    """The rows of a corpus in a table with the header image,recording and, where it is known, speaker,split.

    Paths are relative to the table, or absolute.

    Raises:
        DataError: it cannot be read or lacks a column.
    """
    names = {"image": IMAGE, **{name: (name,) for name in ("recording", "speaker", "split")}}
    return [_row(path, line) for line in read_table(path, names, ("speaker", "split"))]


def _row(path: Path, line: Line) -> Row:
    place, cells = place_of(path, line), {name: cell.strip() for name, cell in line.cells.items()}
    if line.reason:
        return Row(place, reason=line.reason)
    for name in ("image", "recording"):
        if not cells[name]:
            return Row(place, reason=f"names no {name}")
        if "\0" in cells[name]:
            return Row(place, reason=f"has a NUL byte in the name of its {name}")
    image, recording = (path_of(path.parent, cells[name]) for name in ("image", "recording"))
    return Row(place, image, recording, cells["speaker"] or None, cells["split"])
