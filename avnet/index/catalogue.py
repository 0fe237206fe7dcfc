"""Which segments of an index count, and from which file and time each row comes: one SQLite file."""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from avnet.errors import IndexFolderError
from avnet.files.artifact import Header
from avnet.files.whole import whole_file
from avnet.index.segment import KINDS, PRECISIONS, Kind, Precision

FILE = "index.sqlite"
# The model's name among what an index requires, and the numbers that a vector may have.
MODEL = "model"
LARGEST_SIZE = 1 << 16
# Seconds for which others may hold the tables: searches, before a save can end or another search begin; and a writer.
WAIT_S, WAIT_FOR_WRITER_S = 60.0, 5.0
# WITHOUT ROWID: entries lie in the tree of their key, which saves millions of them a second one.
_SCHEMA = """
CREATE TABLE files (id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, stamp TEXT NOT NULL);
CREATE TABLE segments (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, rows INTEGER NOT NULL, crc32 INTEGER NOT NULL
);
CREATE TABLE entries (
    segment INTEGER, row INTEGER, file INTEGER NOT NULL, time_s REAL NOT NULL, PRIMARY KEY (segment, row)
) WITHOUT ROWID;
CREATE INDEX entries_of_file ON entries (file);
"""
# Made with the first side index, so that an index of before has none.
_SIDES = """
CREATE TABLE IF NOT EXISTS sides (
    kind TEXT PRIMARY KEY, number INTEGER NOT NULL, sha256 TEXT NOT NULL, last_segment INTEGER NOT NULL,
    probes INTEGER NOT NULL
)
"""


@dataclass(frozen=True)
class SideFacts:
    """What the tables say of a side index.

    Attributes:
        kind: of the rows that it holds.
        number: from 1, counts how often one was made for the kind; it names the file.
        sha256: of the file, hexadecimal.
        last_segment: it holds every segment of its kind up to this one.
        probes: lists that are searched for a query.
    """

    kind: Kind
    number: int
    sha256: str
    last_segment: int
    probes: int

    def __post_init__(self):
        numbers = (self.number, self.last_segment, self.probes)
        if self.kind not in KINDS or not all(isinstance(number, int) and number > 0 for number in numbers):
            raise ValueError(f"a side index of {self.kind!r} with the numbers {numbers}")


class Catalogue:
    """The tables of an index; changes are made inside `transaction`.

    Attributes:
        file: where they lie.
    """

    def __init__(self, file: Path, connection: sqlite3.Connection):
        self.file = file
        self._connection = connection
        self._transactions = 0

    @classmethod
    def create(cls, file: Path) -> None:
        """Writes empty tables; their name appears when they are whole.

        Raises:
            IndexFolderError: the folder cannot be written.
        """
        try:
            with (
                whole_file(file, IndexFolderError, own=True) as temporary,
                contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as connection,
            ):
                connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise IndexFolderError(file, f"cannot be written ({error})") from None

    @classmethod
    def open(cls, file: Path) -> "Catalogue":
        """Opens tables; what a killed writer left unfinished is undone.

        Raises:
            IndexFolderError: they cannot be read or are damaged.
        """
        # Undoing takes the right to write.
        mode = "rw" if os.access(file, os.W_OK) and os.access(file.parent, os.W_OK) else "ro"
        with _errors(file):
            address = f"{file.absolute().as_uri()}?mode={mode}"
            # Without an isolation level transactions begin where we say, not where Python's module guesses.
            connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=WAIT_S)
            try:
                _check(file, connection)
                return cls(file, connection)
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens, or nothing; one writer at a time.

        Raises:
            IndexFolderError: the system refused, or another process is writing.
        """
        self._transactions += 1
        try:
            # At once the only writer: of two that both began by reading, one would fail at its end.
            self._wait(WAIT_FOR_WRITER_S)
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            finally:
                self._wait(WAIT_S)
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
        except (OSError, sqlite3.Error, UnicodeEncodeError) as error:
            raise IndexFolderError(self.file, f"cannot be written ({error})") from None

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Everything inside reads one state of the tables; writers wait until it is over.

        Raises:
            IndexFolderError: they cannot be read.
        """
        if self._connection.in_transaction:
            yield
            return
        with _errors(self.file):
            self._connection.execute("BEGIN")
        try:
            self._one("SELECT 1 FROM sqlite_master")  # only now they are held
            yield
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def query(self, statement: str, *values: object) -> list[tuple]:
        """Rows of the tables, for what keeps them in order (`avnet.index.upkeep`)."""
        with _errors(self.file):
            return self._connection.execute(statement, values).fetchall()

    def change(self, statement: str, *values: object) -> None:
        """Changes the tables within a transaction, for what keeps them in order."""
        self._connection.execute(statement, values)

    def change_many(self, statement: str, rows: Iterable[tuple]) -> None:
        """As `change`, once for each row."""
        self._connection.executemany(statement, rows)

    def generation(self) -> int:
        """Goes up whenever segments are replaced by others; from 0."""
        return self._one("PRAGMA user_version")[0]

    def set_generation(self, generation: int) -> None:
        """Notes another generation within a transaction."""
        self._connection.execute(f"PRAGMA user_version = {generation:d}")

    def file_number(self, path: str) -> int:
        """The number of a file, which is given one if it has none."""
        return self._file_id(path)

    def state(self) -> tuple[int, int]:
        """Another one whenever anything was changed, here or by another process."""
        return self._transactions, self._one("PRAGMA data_version")[0]

    def forget_rows(self, file: str, stamp: str) -> None:
        """Drops the rows of a file and notes its new state."""
        id = self._file_id(file)
        self._connection.execute("DELETE FROM entries WHERE file = ?", (id,))
        self._connection.execute("UPDATE files SET stamp = ? WHERE id = ?", (stamp, id))

    def next_segment(self) -> int:
        """The number of the segment that comes next."""
        return self._one("SELECT COALESCE(MAX(id), 0) + 1 FROM segments")[0]

    def add_segment(self, id: int, kind: Kind, crc32: int, rows: Sequence[tuple[str, float]]) -> None:
        """Names a segment whose rows come from these files and times."""
        self._connection.execute("INSERT INTO segments VALUES (?, ?, ?, ?)", (id, kind, len(rows), crc32))
        ids = {file: self._file_id(file) for file, _ in rows}
        entries = ((id, row, ids[file], time_s) for row, (file, time_s) in enumerate(rows))
        self._connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", entries)

    def segments(self, after: int) -> list[tuple[int, Kind, int, int]]:
        """(id, kind, rows, CRC-32) of the segments with a higher number, in order."""
        query = "SELECT id, kind, rows, crc32 FROM segments WHERE id > ? ORDER BY id"
        with _errors(self.file):
            return self._connection.execute(query, (after,)).fetchall()

    def entry(self, segment: int, row: int) -> tuple[str, float] | None:
        """File and time of a row; None when its file was added again since."""
        query = "SELECT path, time_s FROM entries JOIN files ON files.id = file WHERE segment = ? AND row = ?"
        return self._one(query, segment, row)

    def files(self, segment: int, rows: int) -> Int[np.ndarray, " rows"]:
        """Of every row of a segment, the number of its file, from 1; 0 when its file was added again since."""
        numbers = np.zeros(rows, np.int32)
        # Two texts of numbers are read three times as fast as a Python tuple for every row.
        query = "SELECT group_concat(row), group_concat(file) FROM entries WHERE segment = ?"
        at, files = self._one(query, segment)
        if at is not None:
            with _errors(self.file):
                numbers[np.fromstring(at, np.int64, sep=",")] = np.fromstring(files, np.int64, sep=",")
        return numbers

    def times(self, segment: int, rows: int) -> Float[np.ndarray, " rows"]:
        """Of every row of a segment, its time in seconds; 0 when its file was added again since."""
        times = np.zeros(rows)
        query = "SELECT group_concat(row), group_concat(printf('%!.17g', time_s)) FROM entries WHERE segment = ?"
        at, values = self._one(query, segment)
        if at is not None:
            with _errors(self.file):
                times[np.fromstring(at, np.int64, sep=",")] = np.fromstring(values, np.float64, sep=",")
        return times

    def paths(self) -> dict[int, str]:
        """The paths of files by their numbers."""
        with _errors(self.file):
            return dict(self._connection.execute("SELECT id, path FROM files").fetchall())

    def stamps(self) -> dict[int, str]:
        """The noted states of files by their numbers."""
        with _errors(self.file):
            return dict(self._connection.execute("SELECT id, stamp FROM files").fetchall())

    def moments(self, path: str) -> list[tuple[int, int, float, Kind]]:
        """Segment, row, time and kind of all rows of a file, in the order of adding."""
        query = (
            "SELECT segment, row, time_s, kind FROM entries JOIN files ON files.id = file"
            " JOIN segments ON segments.id = segment WHERE path = ? ORDER BY segment, row"
        )
        with _errors(self.file):
            return self._connection.execute(query, (path,)).fetchall()

    def sides(self) -> list[SideFacts]:
        """Of the side indexes that were made."""
        if self._one("SELECT 1 FROM sqlite_master WHERE name = 'sides'") is None:
            return []
        with _errors(self.file):
            rows = self._connection.execute("SELECT kind, number, sha256, last_segment, probes FROM sides").fetchall()
            return [SideFacts(*row) for row in rows]

    def set_side(self, facts: SideFacts) -> None:
        """Notes a side index; it takes the place of the one before."""
        self._connection.execute(_SIDES)
        values = (facts.kind, facts.number, facts.sha256, facts.last_segment, facts.probes)
        self._connection.execute("INSERT OR REPLACE INTO sides VALUES (?, ?, ?, ?, ?)", values)

    def stamp(self, file: str) -> str | None:
        """The noted state of a file; None when there is none."""
        row = self._one("SELECT stamp FROM files WHERE path = ?", file)
        return row and row[0]

    def counts(self) -> dict[Kind, int]:
        """Rows of each kind."""
        query = "SELECT kind, COUNT(*) FROM entries JOIN segments ON segments.id = segment GROUP BY kind"
        with _errors(self.file):
            rows = dict(self._connection.execute(query).fetchall())
        return {kind: rows.get(kind, 0) for kind in KINDS}

    def file_count(self) -> int:
        """Files with at least one row."""
        return self._one("SELECT COUNT(DISTINCT file) FROM entries")[0]

    def _wait(self, seconds: float) -> None:
        self._connection.execute(f"PRAGMA busy_timeout = {round(1000 * seconds)}")

    def _file_id(self, path: str) -> int:
        self._connection.execute("INSERT OR IGNORE INTO files (path, stamp) VALUES (?, '')", (path,))
        return self._one("SELECT id FROM files WHERE path = ?", path)[0]

    def _one(self, query: str, *values: object):
        with _errors(self.file):
            return self._connection.execute(query, values).fetchone()


def _check(file: Path, connection: sqlite3.Connection) -> None:
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise IndexFolderError(file, f"is damaged ({problem})")
    connection.execute("SELECT 1 FROM files, segments, entries LIMIT 1")


def identity(header: Header) -> tuple[str, int, Precision]:
    """Model, length of a vector, and precision, as a header says."""
    with header.parsing():
        model, size, precision = header.requires[MODEL], header.config["embedding_size"], header.config["precision"]
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= LARGEST_SIZE:
            raise ValueError(f"vectors of {size!r} numbers")
        if precision not in PRECISIONS:
            raise ValueError(f"vectors of {precision!r}")
        return model, size, precision


@contextlib.contextmanager
def _errors(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise IndexFolderError(file, f"cannot be read ({error})") from None
    except (sqlite3.Error, LookupError, ValueError) as error:
        raise IndexFolderError(file, f"is damaged ({error})") from None
