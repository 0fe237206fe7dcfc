"""Tables that somebody else may have written: comma, semicolon or tab between cells, UTF-8 with or without a mark."""

import codecs
import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from avnet.errors import DataError
from data.spoken.readers.description import Row, path_of

DELIMITERS = ",;\t"
# Names that the column of the image may have.
IMAGE = ("image", "picture")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Line:
    """One row below the header.

    Attributes:
        number: of the row as a spreadsheet shows it; the header is row 1.
        cells: by name of the column; only those that were asked for, empty where there is none.
        reason: why it cannot be read; empty where it can.
    """

    number: int
    cells: dict[str, str]
    reason: str = ""


def read_table(path: Path, columns: Mapping[str, Sequence[str]], optional: Collection[str] = ()) -> list[Line]:
    """Reads the columns that are asked for, and no other.

    Args:
        path: the file.
        columns: for each column the names that it may have in the header.
        optional: those that need not be there.

    Returns:
        The rows that are not blank. Bytes that are no UTF-8 stay in the cells as Python keeps them in names of files.

    Raises:
        DataError: the file cannot be read or lacks a column.
    """
    text = _read_text(path)
    for delimiter in DELIMITERS:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            header = [cell.strip().lower() for cell in next(rows, [])]
        except csv.Error:
            continue
        places = {
            column: next((header.index(name) for name in names if name in header), -1)
            for column, names in columns.items()
        }
        if all(place >= 0 or column in optional for column, place in places.items()):
            return _lines(rows, places, len(header))
    expected = ", ".join(" or ".join(names) for column, names in columns.items() if column not in optional)
    raise DataError(path, f"is not a CSV file whose first row names the columns {expected}")


def csv_rows(path: Path) -> list[Row]:
    """The rows of a corpus in a table with the header image,recording and, where it is known, speaker,split.

    Paths are relative to the table, or absolute.

    Raises:
        DataError: it cannot be read or lacks a column.
    """
    names = {"image": IMAGE, **{name: (name,) for name in ("recording", "speaker", "split")}}
    return [_row(path, line) for line in read_table(path, names, ("speaker", "split"))]


def place_of(path: Path, line: Line) -> str:
    """How a row is called."""
    return f"{path.name} row {line.number}"


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


def _lines(rows, places: Mapping[str, int], width: int) -> list[Line]:
    lines, number = [], 1
    while True:
        number += 1
        try:
            cells = next(rows)
        except StopIteration:
            return lines
        except csv.Error as error:
            lines.append(Line(number, {}, f"cannot be read ({error})"))
            continue
        if len(cells) > width:
            lines.append(Line(number, {}, f"has {len(cells)} cells, more than the {width} of the header"))
        elif any(cells):
            named = {column: cells[at] if 0 <= at < len(cells) else "" for column, at in places.items()}
            lines.append(Line(number, named))


def _read_text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():  # a pipe would wait for ever
            raise DataError(path, "is not a regular file")
        content = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror or error})") from None
    if content.startswith(UTF_16):
        raise DataError(path, "is UTF-16; save it as UTF-8")
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
