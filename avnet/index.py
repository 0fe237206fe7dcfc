"""Exact search by cosine, in a folder that is whole at every moment.

Vectors lie in immutable segments, `segment-00000001.npy` (float32 [rows, size], one kind each); the tables in
`index.sqlite` say which segments count, and from which file and time each row comes. A segment is written
under a temporary name, flushed and renamed before the transaction that names it commits: a process killed
anywhere leaves an index that opens with all that was saved, and at most a file that nothing names.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from avnet import catalogue
from avnet.catalogue import Catalogue
from avnet.errors import ConfigError, IndexRefused
from avnet.segment import KINDS, Kind, Segment, map_segment, write_segment

# Scores held at once, 64 MB; more queries go in blocks.
BLOCK = 1 << 24


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

    def __init__(self, folder: Path, tables: Catalogue):
        self.folder = folder
        self.model_fingerprint = tables.model_fingerprint
        self.embedding_size = tables.embedding_size
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
            used = any(not file.name.startswith(".") for file in folder.iterdir())
        except OSError as error:
            raise IndexRefused(folder, f"cannot be made ({error.strerror})") from None
        if used:
            raise IndexRefused(folder, "is not empty and not an index; choose another folder")
        Catalogue.create(folder / catalogue.FILE, model_fingerprint, embedding_size)
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
        if not is_index(folder):
            reason = f"is not an index (it has no {catalogue.FILE})" if folder.exists() else "does not exist"
            raise IndexRefused(folder, reason)
        index = cls(folder, Catalogue.open(folder / catalogue.FILE))
        try:
            if model_fingerprint not in (None, index.model_fingerprint):
                wanted, got = model_fingerprint[:12], index.model_fingerprint[:12]
                raise IndexRefused(folder, f"was made with another model ({got}..., this one is {wanted}...)")
            index._map_new_segments()
        except BaseException:
            index.close()
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
        self,
        embeddings: Float[np.ndarray, "n features"],
        entries: Sequence[Entry],
        source: Source | None = None,
    ) -> None:
        """Takes vectors; they count, on disk and in searches, from the next `save` on.

        Args:
            embeddings: float32 [n, embedding_size] of unit length.
            entries: n, where each comes from.
            source: the file that these are all the rows of; they replace its earlier rows, and `holds` will
                know it.

        Raises:
            IndexRefused: the vectors have another size, are not of unit length, or are not as many as the
                entries; an entry is of another kind.
        """
        vectors = self._checked(embeddings)
        if len(vectors) != len(entries):
            raise IndexRefused(self.folder, f"got {len(vectors)} vectors for {len(entries)} entries")
        if not np.all(np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-3):
            raise IndexRefused(self.folder, "takes vectors of unit length")
        if strange := {entry.kind for entry in entries} - set(KINDS):
            raise IndexRefused(self.folder, f"holds {' and '.join(KINDS)} entries, got {', '.join(sorted(strange))}")
        kept = self._pending
        if source is not None:
            if any(entry.file != source.file for entry in entries):
                raise IndexRefused(self.folder, f"got rows of other files with the source {source.file}")
            kept = [batch for batch in kept if batch.source is None or batch.source.file != source.file]
        self._pending = [*kept, _Batch(vectors, tuple(entries), source)]

    def holds(self, source: Source) -> bool:
        """Whether all rows of a file in this very state are saved."""
        return self._tables.stamp(source.file) == source.stamp

    def save(self) -> None:
        """Puts all that was added on disk, or nothing of it.

        Raises:
            IndexRefused: the folder cannot be written, or another process is writing to it.
        """
        if not self._pending:
            return
        with self._tables.transaction():
            for batch in self._pending:
                if batch.source is not None:
                    self._tables.forget_rows(batch.source.file, batch.source.stamp)
            for kind in KINDS:
                self._save_segment(kind)
        self._pending = []
        self._map_new_segments()

    def search(
        self,
        query: Float[np.ndarray, " features"],
        k: int,
        kind: Kind | None = None,
        per_file: int | None = None,
    ) -> list[Hit]:
        """The nearest of all saved vectors, exactly.

        Args:
            query: [embedding_size]; the scores are cosines when it has unit length.
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
        self,
        queries: Float[np.ndarray, "q features"],
        k: int,
        kind: Kind | None = None,
        per_file: int | None = None,
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
            scores = [
                np.zeros((len(part), 0), np.float32),
                *(part @ segment.vectors.T for segment in segments),
            ]
            found += [self._best(row, segments, k, per_file) for row in np.concatenate(scores, axis=1)]
        return found

    def counts(self) -> dict[Kind, int]:
        """Saved vectors of each kind that can be found."""
        return self._tables.counts()

    def file_count(self) -> int:
        """Files with at least one vector."""
        return self._tables.file_count()

    def _checked(self, vectors: np.ndarray) -> np.ndarray:
        vectors = np.asarray(vectors, np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.embedding_size:
            shape, size = list(vectors.shape), self.embedding_size
            raise IndexRefused(self.folder, f"holds vectors of {size} numbers, got the shape {shape}")
        if not np.isfinite(vectors).all():
            raise IndexRefused(self.folder, "takes finite vectors only")
        return vectors

    def _best(self, scores: np.ndarray, segments: list[Segment], k: int, per_file: int | None) -> list[Hit]:
        """The k best rows that still count, at most `per_file` of a file; goes on while they lack."""
        ends = np.cumsum([len(segment.vectors) for segment in segments])
        looked_at = k
        while True:
            order = _descending(scores, looked_at)
            hits, seen = [], Counter()
            for place in order:
                number = int(np.searchsorted(ends, place, side="right"))
                segment = segments[number]
                entry = self._tables.entry(segment.id, int(place - ends[number] + len(segment.vectors)))
                if entry is None or (per_file is not None and seen[entry[0]] >= per_file):
                    continue
                seen[entry[0]] += 1
                hits.append(Hit(*entry, segment.kind, float(scores[place])))
                if len(hits) == k:
                    return hits
            if len(order) == len(scores):
                return hits
            looked_at *= 4

    def _save_segment(self, kind: Kind) -> None:
        entries = [entry for batch in self._pending for entry in batch.entries]
        chosen = [i for i, entry in enumerate(entries) if entry.kind == kind]
        if chosen:
            vectors = np.concatenate([batch.vectors for batch in self._pending])[chosen]
            id = self._tables.next_segment()
            crc32 = write_segment(self.folder, id, vectors)
            self._tables.add_segment(id, kind, crc32, [(entries[i].file, entries[i].time_s) for i in chosen])

    def _map_new_segments(self) -> None:
        last = self._segments[-1].id if self._segments else 0
        for id, kind, rows, crc32 in self._tables.segments(after=last):
            vectors = map_segment(self.folder, id, (rows, self.embedding_size), crc32)
            self._segments.append(Segment(id, kind, vectors))


def is_index(folder: str | Path) -> bool:
    """Whether a folder looks like an index; `Index.open` says whether it is a whole one."""
    return (Path(folder) / catalogue.FILE).is_file()


def _descending(scores: np.ndarray, count: int) -> np.ndarray:
    """Places of the `count` greatest scores, greatest first; among equals the first place comes first."""
    if count >= len(scores):
        return np.argsort(-scores, kind="stable")
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    candidates = np.flatnonzero(scores >= least)
    return candidates[np.argsort(-scores[candidates], kind="stable")][:count]
