"""Exact search by cosine, in a folder that is whole at every moment.

Vectors lie in immutable segments, `segment-00000001.npy` (float32 [rows, size], one kind each); `index.sqlite` says which
segments count, and from which file and time each row comes. A segment is written under a temporary name, flushed and
renamed before the transaction that names it commits: a process killed anywhere leaves an index that opens with all that
was saved, and at most a file that nothing names.
"""

import contextlib
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from avnet.errors import ConfigError, IndexRefused
from avnet.segment import KINDS, Kind, Segment, map_segment, sync_folder, write_segment

FORMAT = "avnet-index-1"
TABLES = "index.sqlite"
# Scores held at once, 64 MB; more queries go in blocks.
BLOCK = 1 << 24
_SCHEMA = """
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE files (id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, stamp TEXT NOT NULL);
CREATE TABLE segments (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, rows INTEGER NOT NULL, crc32 INTEGER NOT NULL);
CREATE TABLE entries (segment INTEGER, row INTEGER, file INTEGER NOT NULL, time_s REAL NOT NULL,
                      PRIMARY KEY (segment, row)) WITHOUT ROWID;
CREATE INDEX entries_of_file ON entries (file);
"""


@dataclass(frozen=True)
class Entry:
    """Where a vector comes from.

    Attributes:
        file: path of the source.
        time_s: of the frame, or of the middle of the clip, on the container's clock.
        kind: what was embedded.
    """

    file: str
    time_s: float
    kind: Kind


@dataclass(frozen=True)
class Hit:
    """A vector that was found.

    Attributes:
        file, time_s, kind: as in `Entry`.
        score: cosine with the query, in [-1, 1].
    """

    file: str
    time_s: float
    kind: Kind
    score: float


@dataclass(frozen=True)
class Source:
    """A file all of whose rows are added at once.

    Attributes:
        file: its path.
        stamp: whatever tells one state of it from another (size, time of change, how it was sampled).
    """

    file: str
    stamp: str


@dataclass(frozen=True)
class _Batch:
    vectors: np.ndarray
    entries: tuple[Entry, ...]
    source: Source | None


class Index:
    """Unit vectors of one model, with where each comes from; `create` or `open` one, and use it as a context.

    Attributes:
        folder: where it lies.
        model_fingerprint: of the model whose embeddings it holds.
        embedding_size: length of a vector.
    """

    def __init__(self, folder: Path, tables: sqlite3.Connection, model_fingerprint: str, embedding_size: int):
        self.folder = folder
        self.model_fingerprint = model_fingerprint
        self.embedding_size = embedding_size
        self._tables = tables
        self._pending: list[_Batch] = []
        self._segments: list[Segment] = []

    @classmethod
    def create(cls, folder: str | Path, model_fingerprint: str, embedding_size: int) -> "Index":
        """Makes an empty index.

        Args:
            folder: new, or empty.
            model_fingerprint: of the model whose embeddings it will hold.
            embedding_size: length of a vector.

        Raises:
            IndexRefused: the folder is not empty or cannot be made.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(not file.name.startswith(".") for file in folder.iterdir()):
                raise IndexRefused(folder, "is not empty and not an index")
            temporary = folder / f".{TABLES}.{os.getpid()}.tmp"
            temporary.unlink(missing_ok=True)
            facts = {"format": FORMAT, "model": model_fingerprint, "embedding_size": str(embedding_size)}
            with contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as tables:
                tables.executescript(_SCHEMA)
                tables.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
            os.replace(temporary, folder / TABLES)
            sync_folder(folder)
        except (OSError, sqlite3.Error) as error:
            raise IndexRefused(folder, f"cannot be written ({error})") from None
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path, model_fingerprint: str | None = None) -> "Index":
        """Opens an index, and reads every segment once to see that it is as it was written.

        Args:
            folder: where it lies.
            model_fingerprint: refuse an index of any other model; None takes any.

        Raises:
            IndexRefused: not an index, of another model, or a file of it is missing or damaged.
        """
        folder = Path(folder)
        if not folder.exists():
            raise IndexRefused(folder, "does not exist")
        file = folder / TABLES
        if not file.is_file():
            raise IndexRefused(folder, f"is not an index (it has no {TABLES})")
        tables = _connect(file)
        try:
            with _database_errors(file):
                index = cls(folder, tables, *_facts(file, tables))
                if model_fingerprint is not None and index.model_fingerprint != model_fingerprint:
                    wanted, got = model_fingerprint[:12], index.model_fingerprint[:12]
                    raise IndexRefused(folder, f"was made with another model ({got}..., this one is {wanted}...)")
                index._load_segments()
        except BaseException:
            tables.close()
            raise
        return index

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the files; what was not saved is dropped."""
        self._segments = []
        self._tables.close()

    @property
    def unsaved_rows(self) -> int:
        """Rows added since the last `save`."""
        return sum(len(batch.entries) for batch in self._pending)

    def add(
        self, embeddings: Float[np.ndarray, "n features"], entries: Sequence[Entry], source: Source | None = None
    ) -> None:
        """Takes vectors; they count, on disk and in searches, from the next `save` on.

        Args:
            embeddings: float32 [n, embedding_size] of unit length.
            entries: n, where each comes from.
            source: the file that these are all the rows of; they replace its earlier rows, and `holds` will know it.

        Raises:
            IndexRefused: the vectors have another size, are not of unit length, or are not as many as the entries.
        """
        vectors = self._checked(embeddings)
        if len(vectors) != len(entries):
            raise IndexRefused(self.folder, f"got {len(vectors)} vectors for {len(entries)} entries")
        lengths = np.linalg.norm(vectors, axis=1)
        if not np.all(np.abs(lengths - 1) < 1e-3):
            raise IndexRefused(self.folder, "takes vectors of unit length")
        if source is not None and any(entry.file != source.file for entry in entries):
            raise IndexRefused(self.folder, f"got rows of other files together with the source {source.file}")
        others = [batch for batch in self._pending if source is None or batch.source is None or batch.source.file != source.file]
        self._pending = [*others, _Batch(vectors, tuple(entries), source)]

    def holds(self, source: Source) -> bool:
        """Whether all rows of a file in this very state are saved."""
        with _database_errors(self.folder / TABLES):
            row = self._tables.execute("SELECT stamp FROM files WHERE path = ?", (source.file,)).fetchone()
        return row is not None and row[0] == source.stamp

    def save(self) -> None:
        """Puts all that was added on disk, or nothing of it.

        Raises:
            IndexRefused: the folder cannot be written, or another process is writing to it.
        """
        if not self._pending:
            return
        with self._transaction():
            for batch in self._pending:
                if batch.source is not None:
                    id = self._file_id(batch.source.file)
                    self._tables.execute("DELETE FROM entries WHERE file = ?", (id,))
                    self._tables.execute("UPDATE files SET stamp = ? WHERE id = ?", (batch.source.stamp, id))
            for kind in KINDS:
                self._save_segment(kind)
        self._pending = []
        with _database_errors(self.folder / TABLES):
            self._load_segments()

    def search(
        self, query: Float[np.ndarray, "features"], k: int, kind: Kind | None = None, per_file: int | None = None
    ) -> list[Hit]:
        """The nearest of all saved vectors, exactly.

        Args:
            query: [embedding_size]; its length does not matter to the order.
            k: how many at most.
            kind: only these; None takes both.
            per_file: at most so many hits of one file; None takes any number.

        Returns:
            Hits by falling score; equal scores in the order in which they were added.

        Raises:
            IndexRefused: the query has another size.
            ConfigError: k, kind or per_file has a value that cannot be.
        """
        return self.search_many(np.asarray(query)[None], k, kind, per_file)[0]

    def search_many(
        self, queries: Float[np.ndarray, "q features"], k: int, kind: Kind | None = None, per_file: int | None = None
    ) -> list[list[Hit]]:
        """`search` for every row of a matrix, with one matrix product for many queries."""
        if k < 1 or (per_file is not None and per_file < 1):
            raise ConfigError("search", f"wants k and per_file of at least 1, got {k} and {per_file}")
        if kind not in (None, *KINDS):
            raise ConfigError("kind", f"wants one of {', '.join(KINDS)}, got {kind!r}")
        queries = self._checked(queries)
        segments = [segment for segment in self._segments if kind in (None, segment.kind)]
        rows = sum(len(segment.vectors) for segment in segments)
        block = max(1, BLOCK // max(1, rows))
        found = []
        for start in range(0, len(queries), block):
            part = queries[start : start + block]
            scores = [np.zeros((len(part), 0), np.float32), *(part @ segment.vectors.T for segment in segments)]
            found += [self._best(row, segments, k, per_file) for row in np.concatenate(scores, axis=1)]
        return found

    def counts(self) -> dict[Kind, int]:
        """Saved vectors of each kind that can be found."""
        query = "SELECT kind, COUNT(*) FROM entries JOIN segments ON segments.id = segment GROUP BY kind"
        with _database_errors(self.folder / TABLES):
            counted = dict(self._tables.execute(query).fetchall())
        return {kind: counted.get(kind, 0) for kind in KINDS}

    def file_count(self) -> int:
        """Files with at least one vector."""
        with _database_errors(self.folder / TABLES):
            return self._tables.execute("SELECT COUNT(DISTINCT file) FROM entries").fetchone()[0]

    def _checked(self, vectors: np.ndarray) -> np.ndarray:
        vectors = np.asarray(vectors, np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.embedding_size:
            shape = list(vectors.shape)
            raise IndexRefused(self.folder, f"holds vectors of {self.embedding_size} numbers, got the shape {shape}")
        if not np.isfinite(vectors).all():
            raise IndexRefused(self.folder, "takes finite vectors only")
        return vectors

    def _best(self, scores: np.ndarray, segments: list[Segment], k: int, per_file: int | None) -> list[Hit]:
        """The k best rows that still count, at most `per_file` of a file; looks further down as long as they lack."""
        ends = np.cumsum([len(segment.vectors) for segment in segments])
        looked_at = k
        while True:
            order = _descending(scores, looked_at)
            hits, seen = [], Counter()
            for place in order:
                number = int(np.searchsorted(ends, place, side="right"))
                segment, row = segments[number], int(place - ends[number] + len(segments[number].vectors))
                entry = self._entry(segment, row)
                if entry is None or (per_file is not None and seen[entry.file] >= per_file):
                    continue
                seen[entry.file] += 1
                hits.append(Hit(entry.file, entry.time_s, entry.kind, float(scores[place])))
                if len(hits) == k:
                    return hits
            if len(order) == len(scores):
                return hits
            looked_at *= 4

    def _entry(self, segment: Segment, row: int) -> Entry | None:
        """Where a row comes from; None when its file was added again since."""
        query = "SELECT path, time_s FROM entries JOIN files ON files.id = file WHERE segment = ? AND row = ?"
        with _database_errors(self.folder / TABLES):
            found = self._tables.execute(query, (segment.id, row)).fetchone()
        return None if found is None else Entry(found[0], found[1], segment.kind)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Everything inside happens, or nothing; one writer at a time."""
        try:
            self._tables.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._tables.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._tables.execute("ROLLBACK")
                raise
        except (OSError, sqlite3.Error, UnicodeEncodeError) as error:
            raise IndexRefused(self.folder, f"cannot be written ({error})") from None

    def _file_id(self, path: str) -> int:
        self._tables.execute("INSERT OR IGNORE INTO files (path, stamp) VALUES (?, '')", (path,))
        return self._tables.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()[0]

    def _save_segment(self, kind: Kind) -> None:
        entries = [entry for batch in self._pending for entry in batch.entries]
        rows = [i for i, entry in enumerate(entries) if entry.kind == kind]
        if not rows:
            return
        vectors = np.concatenate([batch.vectors for batch in self._pending])[rows]
        id = self._tables.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM segments").fetchone()[0]
        crc32 = write_segment(self.folder, id, vectors)
        self._tables.execute("INSERT INTO segments VALUES (?, ?, ?, ?)", (id, kind, len(rows), crc32))
        ids = {file: self._file_id(file) for file in {entries[i].file for i in rows}}
        placed = ((id, row, ids[entries[i].file], entries[i].time_s) for row, i in enumerate(rows))
        self._tables.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", placed)

    def _load_segments(self) -> None:
        """Maps the segments that are not mapped yet."""
        last = self._segments[-1].id if self._segments else 0
        query = "SELECT id, kind, rows, crc32 FROM segments WHERE id > ? ORDER BY id"
        for id, kind, rows, crc32 in self._tables.execute(query, (last,)).fetchall():
            vectors = map_segment(self.folder, id, (rows, self.embedding_size), crc32)
            self._segments.append(Segment(id, kind, vectors))


def _descending(scores: np.ndarray, count: int) -> np.ndarray:
    """Places of the `count` greatest scores, greatest first; among equals the first place comes first."""
    if count >= len(scores):
        return np.argsort(-scores, kind="stable")
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    candidates = np.flatnonzero(scores >= least)
    return candidates[np.argsort(-scores[candidates], kind="stable")][:count]


def _connect(file: Path) -> sqlite3.Connection:
    # What a killed writer left unfinished is undone when the tables are opened, which takes the right to write.
    mode = "rw" if os.access(file, os.W_OK) and os.access(file.parent, os.W_OK) else "ro"
    try:
        return sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise IndexRefused(file, f"cannot be opened ({error})") from None


def _facts(file: Path, tables: sqlite3.Connection) -> tuple[str, int]:
    facts = dict(tables.execute("SELECT key, value FROM facts").fetchall())
    if facts.get("format") != FORMAT:
        raise IndexRefused(file, f"is not an {FORMAT} file")
    problem = tables.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise IndexRefused(file, f"is damaged ({problem})")
    return facts["model"], int(facts["embedding_size"])


@contextlib.contextmanager
def _database_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise IndexRefused(file, f"cannot be read ({error})") from None
    except (sqlite3.Error, KeyError, ValueError) as error:
        raise IndexRefused(file, f"is damaged ({error})") from None
