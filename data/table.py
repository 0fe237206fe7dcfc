"""Tables that somebody else may have written: comma, semicolon or tab between cells, UTF-8 with or without a mark."""

import codecs
import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from avnet.errors import DataError

DELIMITERS = ",;\t"
# Cells of a header that is refused.
EXAMPLES = 6
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
    # The right one is that under which the header names the columns: cells may hold any number of the others.
    for delimiter in DELIMITERS:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header = _header(rows)
        places = {
            column: next((header.index(name) for name in names if name in header), -1)
            for column, names in columns.items()
        }
        if all(place >= 0 or column in optional for column, place in places.items()):
            return _lines(rows, places, len(header), optional)
    expected = ", ".join(" or ".join(names) for column, names in columns.items() if column not in optional)
    has = ", ".join(repr(cell) for cell in _header(csv.reader(io.StringIO(text, newline="")))[:EXAMPLES]) or "nothing"
    raise DataError(path, f"is not a CSV file whose first row names the columns {expected}; it has {has}")


def names_columns(path: Path, *columns: str) -> bool:
    """Whether the first row of a table names these columns; one without such a row may be a list of clips.

    Raises:
        DataError: the file cannot be read.
    """
    return line_names_columns(first_line(path), *columns)


def line_names_columns(line: str, *columns: str) -> bool:
    """Whether a line, the first of a table, names these columns."""
    return any(set(columns) <= set(_header(csv.reader([line], delimiter=delimiter))) for delimiter in DELIMITERS)


def first_line(path: Path) -> str:
    """The first line of a table, which may tell what kind of list it is; empty where there is none.

    Raises:
        DataError: the file cannot be read.
    """
    return _read_text(path).partition("\n")[0].rstrip("\r")


def read_rows(path: Path, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Number and cells, without spaces about them, of each row of a table without a header; comments begin with `#`.

    Args:
        path: the file.
        delimiter: between cells.

    Raises:
        DataError: the file or a row cannot be read, or is not UTF-8.
    """
    text = io.StringIO(_read_text(path), newline="")
    rows = csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = [cell.strip() for cell in next(rows)]
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(path, f"row {number} cannot be read ({error})") from None
        if any(cells) and not cells[0].startswith("#"):
            refuse_odd_bytes(path, number, cells)
            yield number, cells


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and content of each line that is not blank, without its end.

    Raises:
        DataError: the file cannot be read or is UTF-16.
    """
    # Not splitlines: captions may hold characters that it takes for ends of lines.
    for number, line in enumerate(_read_text(path).split("\n"), start=1):
        if line.strip():
            yield number, line.removesuffix("\r")


def refuse_odd_bytes(path: Path, number: int, cells: Iterable[str]) -> None:
    """Refuses a row that is not UTF-8, as of a table that was saved as Latin-1.

    Raises:
        DataError: names it.
    """
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        raise DataError(path, f"row {number} is not UTF-8; save the table as UTF-8") from None


def place_of(path: Path, line: Line) -> str:
    """How a row is called."""
    return f"{path.name} row {line.number}"


def _header(rows: Iterator[list[str]]) -> list[str]:
    try:
        return [cell.strip().lower() for cell in next(rows, [])]
    except csv.Error:
        return []


def _lines(rows: Iterator[list[str]], places: Mapping[str, int], width: int, optional: Collection[str]) -> list[Line]:
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
        if not any(cell.strip() for cell in cells):
            continue
        short = [column for column, at in places.items() if at >= len(cells) and column not in optional]
        if len(cells) > width:
            lines.append(Line(number, {}, f"has {len(cells)} cells, more than the {width} of the header"))
        elif short:
            lines.append(Line(number, {}, f"has {len(cells)} of {width} cells, none for its {short[0]}"))
        else:
            cells_by_column = {column: cells[at] if 0 <= at < len(cells) else "" for column, at in places.items()}
            lines.append(Line(number, cells_by_column))


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
