"""What a table of the user's says of files: a CSV with a column that names the file."""

import contextlib
import csv
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from avnet.errors import DataError, OptionError

# The column that names the file.
FILE = "file"
# A header beyond is none that people made.
MOST_COLUMNS = 1000


@dataclass(frozen=True)
class Metadata:
    """The files of a table whose rows have some values.

    Attributes:
        table: the CSV.
        names: of the files as the table has them: whole paths, or the last parts of paths.
    """

    table: Path
    names: frozenset[str]

    @classmethod
    def read(cls, table: str | Path, where: Sequence[str] = ()) -> "Metadata":
        """Reads which files have the values that are asked for.

        Args:
            table: CSV in UTF-8 whose first line names its columns; one of them is `file`.
            where: each as COLUMN=VALUE, in capitals or not; VALUE may be a pattern with `*`, `?` and `[...]`. A row
                must have all of them; of several for one column it must have one.

        Raises:
            DataError: the table cannot be read or is none, or has no column `file`.
            OptionError: a condition names a column that the table does not have, or is none.
        """
        table = Path(table)
        with _errors(table), table.open(encoding="utf-8-sig", newline="") as stream:
            rows = _rows(table, stream)
            columns = next(rows, [])
            if FILE not in columns:
                raise DataError(table, f"needs a column {FILE!r} that names files; has {_listed(columns)}")
            conditions = _conditions(where, columns)
            place = columns.index(FILE)
            names = frozenset(_tidy(row[place]) for row in rows if row[place].strip() and _fits(row, conditions))
        return cls(table, names)

    def takes(self, path: str) -> bool:
        """Whether a file is among them: its whole path, or its last parts."""
        parts = path.split("/")
        # From `film.mp4` over `2024/film.mp4` to the whole path.
        ends = itertools.accumulate(reversed(parts), lambda end, part: f"{part}/{end}")
        return any(end in self.names for end in ends)


def check_where(where: Sequence[str]) -> None:
    """Refuses conditions that are not COLUMN=VALUE.

    Raises:
        OptionError: one is not.
    """
    for condition in where:
        column, sign, _ = condition.partition("=")
        if not sign or not column.strip():
            raise OptionError("where", f"must be COLUMN=VALUE, got {condition[:60]!r}")


def _conditions(where: Sequence[str], columns: list[str]) -> dict[int, list[str]]:
    """Patterns that the cells of columns must fit, by the column's number."""
    check_where(where)
    conditions: dict[int, list[str]] = {}
    for condition in where:
        column, _, value = condition.partition("=")
        if column.strip() not in columns:
            raise OptionError("where", f"names no column {column.strip()[:60]!r}; there are {_listed(columns)}")
        conditions.setdefault(columns.index(column.strip()), []).append(value.strip().casefold())
    return conditions


def _fits(row: list[str], conditions: dict[int, list[str]]) -> bool:
    cells = ((row[column].strip().casefold(), patterns) for column, patterns in conditions.items())
    # A value with brackets in it is found as it stands, too.
    return all(any(cell == one or fnmatchcase(cell, one) for one in patterns) for cell, patterns in cells)


def _rows(table: Path, lines: Iterator[str]) -> Iterator[list[str]]:
    """The header and all rows, each as long as the header."""
    reader = csv.reader(lines, strict=True)
    columns = [name.strip() for name in next(reader, [])]
    if len(columns) > MOST_COLUMNS or len(set(columns)) < len(columns):
        raise DataError(table, f"must name every column once in its first line, and {MOST_COLUMNS} at most")
    yield columns
    for row in reader:
        if row and len(row) != len(columns):
            counts = f"{len(row)} cells where the first line has {len(columns)}"
            raise DataError(table, f"has {counts} in line {reader.line_num}")
        if row:
            yield row


def _tidy(name: str) -> str:
    return name.strip().removeprefix("./")


def _listed(columns: list[str]) -> str:
    return ", ".join(columns[:40]) or "no columns"


@contextlib.contextmanager
def _errors(table: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(table, f"cannot be read ({error.strerror or error})") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(table, f"is no table of comma-separated values in UTF-8 ({error})") from None
