"""Search by cosine, in a folder that is whole at every moment.

Vectors lie in immutable segments, `segment-00000001.npy` (float32 or float16 [rows, size], one kind each); the
tables in `index.sqlite` say which segments count, and from which file and time each row comes. A segment is
written under a temporary name, flushed and renamed before the transaction that names it commits: a process
killed anywhere leaves an index that opens with all that was saved, and at most a file that nothing names.
Segments are read from disk as they are searched, so an index may be larger than memory.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from avnet.errors import AvnetError, ConfigError, IndexFolderError, OptionError
from avnet.files.artifact import HEADER, Draft, Header, read_header, write_header
from avnet.files.kinds import INDEX
from avnet.index import catalogue
from avnet.index.approximate import find_nearest
from avnet.index.catalogue import MODEL, Catalogue, SideFacts, identity
from avnet.index.engines.address import lance_address, open_lance
from avnet.index.entry import Entry, Hit, Source, entry_id
from avnet.index.nearest import Shelf
from avnet.index.row_filter import RowFilter
from avnet.index.row_tables import RowTables
from avnet.index.segment import KINDS, PRECISIONS, Kind, Precision, write_segment
from avnet.index.side_index import SideIndex
from avnet.index.upkeep.contents import note_content
from avnet.index.upkeep.mappings import Mappings, of_one_state
from avnet.index.upkeep.readers import offer
from avnet.index.upkeep.upkeep import Upkeep

# Queries that go through the rows together.
QUERIES = 1024


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
        precision: in which the vectors are stored.
        rows: files and times of the saved vectors.
        upkeep: for what keeps it up to date.

    Example:
        >>> model, image = avnet.load("runs/ave/model"), avnet.read_image("dog.jpg")
        >>> with avnet.Index.open("index", model.fingerprint) as index:
        ...     len(index.search(model.embed_images([image])[0], k=3, kind="sound"))
        3
    """

    def __init__(self, header: Header, tables: Catalogue):
        self.folder = header.folder
        self.model_fingerprint, self.embedding_size, precision = identity(header)
        self.precision: Precision = precision
        self._tables = tables
        self._pending: list[_Batch] = []
        self._mappings = Mappings(self.folder, self.embedding_size, precision)
        self.upkeep = Upkeep(tables, self._mappings)
        self.rows = RowTables(tables)
        self._sides: dict[SideFacts, SideIndex] = {}

    @classmethod
    def create(
        cls, folder: str | Path, model_fingerprint: str, embedding_size: int, precision: Precision = "float32"
    ) -> "Index":
        """Makes an empty index.

        Args:
            folder: new, or empty.
            model_fingerprint: of the model whose embeddings it will hold.
            embedding_size: length of a vector.
            precision: "float32", or "float16" for half the size and cosines off by less than 5e-4. Searches
                calculate with float32 in both.

        Raises:
            IndexFolderError: the folder is not empty or cannot be made.
            ConfigError: there is no such precision.
        """
        if precision not in PRECISIONS:
            raise ConfigError("precision", f"must be one of {', '.join(PRECISIONS)}, got {precision!r}")
        if lance_address(folder) is not None:
            raise IndexFolderError(folder, "is for LanceDB; index into a folder and copy that with avnet copy-index")
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            foreign = any(not file.name.startswith(".") and file.name != HEADER for file in folder.iterdir())
        except OSError as error:
            raise IndexFolderError(folder, f"cannot be made ({error.strerror})") from None
        if foreign:
            raise IndexFolderError(folder, "is not empty and not an index; choose another folder")
        # The header first: a process killed here leaves what is taken for an empty folder.
        if (folder / HEADER).exists():
            read_header(folder, INDEX)
        draft = Draft(folder, {"embedding_size": embedding_size, "precision": precision}, {MODEL: model_fingerprint})
        write_header(draft, INDEX, {})
        offer(folder, generation=0)
        Catalogue.create(folder / catalogue.FILE)
        return cls.open(folder)

    @classmethod
    def load(cls, path: str | Path) -> "Index":
        """As `open`, of any model."""
        return cls.open(path)

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of an index."""
        with Index.open(header.folder) as index:
            counts, coverage = index.counts(), index.coverage()
            return {
                "images": str(counts["image"]),
                "sounds": str(counts["sound"]),
                "files": str(index.file_count()),
                "embedding": f"{index.embedding_size} numbers, {index.precision}",
                "side index": f"of {coverage['image']} images and {coverage['sound']} sounds",
            }

    @classmethod
    def open(cls, folder: str | Path, model_fingerprint: str | None = None) -> "Index":
        """Opens an index, and reads every segment once to see that it is as it was written.

        Args:
            folder: where it lies; or FOLDER.lance, s3://BUCKET/NAME or gs://BUCKET/NAME of LanceDB.
            model_fingerprint: refuse an index of any other model; None takes any.

        Raises:
            IndexFolderError: not an index, of another model, or a file of it is missing or damaged.
        """
        if (address := lance_address(folder)) is not None:
            return open_lance(address, model_fingerprint)
        header = read_header(folder, INDEX)
        of_model, _, _ = identity(header)
        if model_fingerprint not in (None, of_model):
            own, theirs = model_fingerprint[:12], of_model[:12]
            raise IndexFolderError(folder, f"was made with another model ({theirs}..., this one is {own}...)")
        index = cls(header, Catalogue.open(header.folder / catalogue.FILE))
        try:
            index._mappings.follow(index._tables)
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
        self.rows, self._sides = RowTables(self._tables), {}
        self._mappings.release()
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
            IndexFolderError: the vectors have another size, are not of unit length, or are not as many as the
                entries; an entry is of another kind.
        """
        vectors = self._check_vectors(embeddings)
        if len(vectors) != len(entries):
            raise IndexFolderError(self.folder, f"got {len(vectors)} vectors for {len(entries)} entries")
        if not np.all(np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-3):
            raise IndexFolderError(self.folder, "takes vectors of unit length")
        if strange := sorted({entry.kind for entry in entries} - set(KINDS)):
            raise IndexFolderError(self.folder, f"holds {' and '.join(KINDS)} entries, got {', '.join(strange)}")
        pending = self._pending
        if source is not None:
            if any(entry.file != source.file for entry in entries):
                raise IndexFolderError(self.folder, f"got rows of other files with the source {source.file}")
            pending = [batch for batch in pending if batch.source is None or batch.source.file != source.file]
        self._pending = [*pending, _Batch(vectors, tuple(entries), source)]

    def holds(self, source: Source) -> bool:
        """Whether all rows of a file in this very state are saved."""
        return self._tables.stamp(source.file) == source.stamp

    def save(self) -> None:
        """Puts all that was added on disk, or nothing of it.

        Raises:
            IndexFolderError: the folder cannot be written, or another process is writing to it.
        """
        if not self._pending:
            return
        with self._tables.transaction():
            for batch in self._pending:
                if batch.source is not None:
                    self._tables.forget_rows(batch.source.file, batch.source.stamp)
                    note_content(self._tables, self._tables.file_number(batch.source.file), batch.source.content)
            for kind in KINDS:
                self._save_segment(kind)
        self._pending = []
        self._mappings.follow(self._tables)

    def search(
        self,
        query: Float[np.ndarray, " features"],
        k: int,
        kind: Kind | None = None,
        per_file: int | None = None,
        sides: Sequence[SideIndex] = (),
        rows: RowFilter | None = None,
    ) -> list[Hit]:
        """The nearest of all saved vectors.

        Args:
            query: [embedding_size]; the scores are cosines when it has unit length.
            k: how many at most.
            kind: only these; None takes both.
            per_file: at most so many hits of one file; None takes any number.
            sides: side indexes of this index, that find most of the nearest in less time; without them the
                search is exact. One that leaves out files or times is exact with them too.
            rows: which of them may be found; None takes all.

        Returns:
            Hits by falling score; equal scores in the order in which they were added.

        Raises:
            IndexFolderError: the query has another size.
            ConfigError: k, kind or per_file has a value that cannot be.
        """
        return self.search_many(np.asarray(query)[None], k, kind, per_file, sides, rows)[0]

    @of_one_state
    def search_many(
        self,
        queries: Float[np.ndarray, "q features"],
        k: int,
        kind: Kind | None = None,
        per_file: int | None = None,
        sides: Sequence[SideIndex] = (),
        rows: RowFilter | None = None,
    ) -> list[list[Hit]]:
        """`search` for every row of a matrix; many queries at once take less time each."""
        if k < 1 or (per_file is not None and per_file < 1):
            raise ConfigError("k, per_file", f"must be at least 1, got {k} and {per_file}")
        if kind not in (None, *KINDS):
            raise ConfigError("kind", f"must be one of {', '.join(KINDS)}, got {kind!r}")
        queries = self._check_vectors(queries)
        shelves = self.shelves(kind)
        if rows is not None:
            # What a side index thinks nearest may all be left out.
            sides = () if rows.narrows else sides
            shelves = rows.shelves(shelves, self.rows)
        hits = []
        for start in range(0, len(queries), QUERIES):
            nearest = find_nearest(queries[start : start + QUERIES], shelves, k, per_file, sides)
            hits += [self._hits(*row) for row in zip(nearest.places, nearest.scores, strict=True)]
        return hits

    @of_one_state
    def shelves(self, kind: Kind | None = None) -> list[Shelf]:
        """What there is to search, in the order of adding.

        Args:
            kind: only these; None takes both.
        """
        segments = [segment for segment in self._mappings.segments if kind in (None, segment.kind)]
        return [Shelf(segment, self.rows.files(segment)) for segment in segments]

    @of_one_state
    def entry(self, id: str) -> tuple[Entry, Float[np.ndarray, " features"]]:
        """Where a saved vector comes from, and the vector, float32.

        Args:
            id: of the entry, as `Hit` has it, or its key.

        Raises:
            OptionError: there is none, or none any more.
        """
        number, row = self.rows.place(id)
        segment = next((segment for segment in self._mappings.segments if segment.id == number), None)
        place = self._tables.entry(number, row)
        if segment is None or place is None:
            raise OptionError("entry", f"is not in the index: {id}; its file may have been indexed again")
        return Entry(*place, segment.kind), segment.vectors()[row].astype(np.float32)

    def sides(self) -> tuple[list[SideIndex], list[AvnetError]]:
        """Reads the side indexes that were saved.

        Returns:
            Those that can be used, and why others cannot.
        """
        sides, refusals = [], []
        for facts in self._tables.sides():
            try:
                if facts not in self._sides:  # reading it takes longer than searching it
                    shelves = self.shelves(facts.kind)
                    self._sides[facts] = SideIndex.read(self.folder, facts, shelves, self.embedding_size)
                sides.append(self._sides[facts])
            except AvnetError as error:
                refusals.append(error)
        return sides, refusals

    def save_side(self, side: SideIndex) -> SideFacts:
        """Puts a side index of this index on disk; it takes the place of the one before.

        Returns:
            What the tables now say of it.

        Raises:
            IndexFolderError: the folder cannot be written, or another process is writing to it.
        """
        before = [facts.number for facts in self._tables.sides() if facts.kind == side.kind]
        facts = side.write(self.folder, number=1 + max(before, default=0))
        with self._tables.transaction():
            self._tables.set_side(facts)
        SideIndex.forget(self.folder, side.kind, before)
        return facts

    def counts(self) -> dict[Kind, int]:
        """Saved vectors of each kind that can be found."""
        return self._tables.counts()

    def coverage(self) -> dict[Kind, int]:
        """Saved vectors of each kind that a side index covers."""
        counts: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        for facts in self._tables.sides():
            shelves = [shelf for shelf in self.shelves(facts.kind) if shelf.segment.id <= facts.last_segment]
            counts[facts.kind] = sum(int(np.count_nonzero(shelf.files)) for shelf in shelves)
        return counts

    def file_count(self) -> int:
        """Files with at least one vector."""
        return self._tables.file_count()

    def _check_vectors(self, vectors: np.ndarray) -> np.ndarray:
        vectors = np.asarray(vectors, np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.embedding_size:
            shape, size = list(vectors.shape), self.embedding_size
            raise IndexFolderError(self.folder, f"holds vectors of {size} numbers, got the shape {shape}")
        if not np.isfinite(vectors).all():
            raise IndexFolderError(self.folder, "takes finite vectors only")
        return vectors

    def _hits(self, places: np.ndarray, scores: np.ndarray) -> list[Hit]:
        hits = []
        for place, score in zip(places[places >= 0].tolist(), scores.tolist(), strict=False):
            segment = self._mappings.segments[
                bisect_right(self._mappings.segments, place, key=lambda segment: segment.first) - 1
            ]
            entry = self._tables.entry(segment.id, place - segment.first)
            if entry is not None:  # another process may have replaced it just now
                hits.append(Hit(*entry, segment.kind, score, entry_id(segment.id, place - segment.first)))
        return hits

    def _save_segment(self, kind: Kind) -> None:
        entries = [entry for batch in self._pending for entry in batch.entries]
        rows = [i for i, entry in enumerate(entries) if entry.kind == kind]
        if rows:
            vectors = np.concatenate([batch.vectors for batch in self._pending])[rows]
            id = self._tables.next_segment()
            crc32 = write_segment(self.folder, id, vectors, self.precision)
            self._tables.add_segment(id, kind, crc32, [(entries[i].file, entries[i].time_s) for i in rows])


def is_index(folder: str | Path) -> bool:
    """Whether a folder looks like an index; `Index.open` says whether it is a whole one."""
    return (Path(folder) / catalogue.FILE).is_file()
