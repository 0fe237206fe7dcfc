"""A side index: a smaller copy of the vectors of one kind, in lists of neighbours, of which a search reads a few.

It is an inverted file with 8 bits a number (IVF, SQ8) and searched by faiss, which stays unimported until then. Its
arrays lie beside the segments, `side-image-00000001.safetensors`, and are checked before faiss is given any; the
tables of the index hold the SHA-256 of the file. It can be made again from the segments at any time.

Reference: Jegou, Douze and Schmid, "Product Quantization for Nearest Neighbor Search", 2011, section IV (the inverted
file); here every number of the residual is rounded to 8 bits by itself, in place of product quantisation.
"""

import contextlib
import hashlib
import itertools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from avnet.errors import ConfigError, IndexFolderError
from avnet.files.whole import whole_file
from avnet.index.catalogue import SideFacts
from avnet.index.nearest import MOST_ROWS, Shelf
from avnet.index.segment import Kind, Segment, float32_of

# Rows in the sample for each list; k-means needs 39 at least.
SAMPLE = 40


class SideIndex:
    """Finds most of the nearest rows among the segments that it covers.

    Attributes:
        kind: of the rows.
        last_segment: it covers every segment of its kind up to this one.
        probes: lists that are searched for a query.
        rows: that it covers.
        list_count: into how many lists they are divided.
    """

    def __init__(self, lists: Any, kind: Kind, last_segment: int, probes: int):
        self.kind: Kind = kind
        self.last_segment = last_segment
        self.probes = probes
        self.rows: int = lists.ntotal
        self.list_count: int = lists.nlist
        self._lists = lists

    @classmethod
    def build(cls, shelves: Sequence[Shelf], sample: Float[np.ndarray, "n features"]) -> "SideIndex":
        """Divides all rows of one kind into lists about the centres of a sample.

        Args:
            shelves: at least one, all of one kind.
            sample: float32, `sample_size` of their rows.

        Returns:
            One that searches a single list.

        Raises:
            ConfigError: faiss is not installed.
        """
        lists = _empty(sample.shape[1], max(1, len(sample) // SAMPLE))
        lists.train(sample)
        room = np.empty((MOST_ROWS, sample.shape[1]), np.float32)
        for shelf in shelves:
            vectors = shelf.segment.vectors()
            for start in range(0, len(vectors), MOST_ROWS):
                block = float32_of(vectors[start : start + MOST_ROWS], room)
                first = shelf.segment.first + start
                lists.add_with_ids(np.ascontiguousarray(block), np.arange(first, first + len(block)))
        last = shelves[-1].segment
        return cls(lists, last.kind, last.id, probes=1)

    def covers(self, segment: Segment) -> bool:
        """Whether the rows of a segment are in it."""
        return segment.kind == self.kind and segment.id <= self.last_segment

    def candidates(
        self, queries: Float[np.ndarray, "queries features"], count: int
    ) -> Int[np.ndarray, "queries count"]:
        """Places of rows that may be the nearest, those that look nearest first.

        Args:
            queries: float32.
            count: how many for a query.

        Returns:
            int64; -1 where the lists that were searched hold fewer.
        """
        parameters = _faiss().SearchParametersIVF(nprobe=self.probes)
        # faiss is given a bare pointer and believes that rows follow each other.
        return self._lists.search(np.ascontiguousarray(queries), count, params=parameters)[1]

    def write(self, folder: Path, number: int) -> SideFacts:
        """Writes the file; its name appears when it is whole on disk.

        Returns:
            What the tables of the index must say for it to be read.

        Raises:
            IndexFolderError: the system refused.
        """
        file = side_file(folder, self.kind, number)
        with whole_file(file, IndexFolderError, own=True) as temporary:
            try:
                save_file(_arrays(self._lists), temporary)
            except SafetensorError as error:
                raise IndexFolderError(file, f"cannot be written ({error})") from None
            sha256 = _sha256(temporary)
        return SideFacts(self.kind, number, sha256, self.last_segment, self.probes)

    @staticmethod
    def forget(folder: Path, kind: Kind, numbers: Iterable[int]) -> None:
        """Removes files that the tables of the index no longer name."""
        for number in numbers:
            with contextlib.suppress(OSError):
                side_file(folder, kind, number).unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Path, facts: SideFacts, shelves: Sequence[Shelf], size: int) -> "SideIndex":
        """Reads a file after checking it.

        Args:
            folder: of the index.
            facts: what the tables of the index say of it.
            shelves: all of its kind.
            size: length of a vector.

        Raises:
            IndexFolderError: it is missing, damaged or of other rows.
            ConfigError: faiss is not installed.
        """
        _faiss()
        file = side_file(folder, facts.kind, facts.number)
        if not file.is_file():  # a pipe would wait for ever
            raise IndexFolderError(file, "is missing")
        try:
            same = _sha256(file) == facts.sha256
            arrays = _read_arrays(file) if same else {}
            if not same or not _fits(arrays, size):
                raise ValueError("its content is not what was written")
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise IndexFolderError(file, f"is damaged ({error})") from None
        segments = [shelf.segment for shelf in shelves if shelf.segment.id <= facts.last_segment]
        if not _holds(arrays["places"], segments):
            raise IndexFolderError(file, "was made for other rows than the index holds")
        return cls(_fill(arrays), facts.kind, facts.last_segment, facts.probes)


def side_file(folder: Path, kind: Kind, number: int) -> Path:
    """Where a side index lies."""
    return folder / f"side-{kind}-{number:08d}.safetensors"


def sample_size(rows: int) -> int:
    """How many of so many rows the centres are found with: `SAMPLE` for each of 4 sqrt(rows) lists, or all."""
    # faiss's guidelines: 4 to 16 sqrt(rows) lists, the fewest being the quickest to make.
    return min(rows, SAMPLE * round(4 * math.sqrt(rows)))


def _faiss() -> Any:
    try:
        import faiss  # pyright: ignore[reportMissingImports]: an extra
    except ImportError:
        raise ConfigError(
            "faiss", "is not installed; side indexes need the extra: pip install 'avnet[faiss]'"
        ) from None
    return faiss


def _empty(size: int, list_count: int) -> Any:
    faiss = _faiss()
    # Inner products, which are cosines of unit vectors.
    centres = faiss.IndexFlatIP(size)
    eight_bits = faiss.ScalarQuantizer.QT_8bit
    return faiss.IndexIVFScalarQuantizer(centres, size, list_count, eight_bits, faiss.METRIC_INNER_PRODUCT)


def _arrays(lists: Any) -> dict[str, np.ndarray]:
    """All that `_fill` needs.

    `centres` float32 [lists, size]; `ranges` float32 [2 size], least and span of what 8 bits hold of every number;
    `counts` int64 [lists], rows of each list; `places` int64 [rows] and `codes` uint8 [rows, size], list by list.
    """
    faiss = _faiss()
    source = lists.invlists
    counts = [source.list_size(number) for number in range(lists.nlist)]
    places = [faiss.rev_swig_ptr(source.get_ids(number), count) for number, count in enumerate(counts)]
    codes = [faiss.rev_swig_ptr(source.get_codes(number), count * lists.d) for number, count in enumerate(counts)]
    return {
        "centres": lists.quantizer.reconstruct_n(0, lists.nlist),
        "ranges": faiss.vector_to_array(lists.sq.trained),
        "counts": np.array(counts),
        "places": np.concatenate(places),
        "codes": np.concatenate(codes).reshape(-1, lists.d),
    }


def _fill(arrays: dict[str, np.ndarray]) -> Any:
    """The lists that gave the arrays."""
    faiss = _faiss()
    centres, places, codes = arrays["centres"], arrays["places"], arrays["codes"]
    lists = _empty(centres.shape[1], len(centres))
    lists.quantizer.add(centres)
    faiss.copy_array_to_vector(arrays["ranges"], lists.sq.trained)
    lists.is_trained = True
    ends = np.cumsum(arrays["counts"]).tolist()
    for number, (start, end) in enumerate(itertools.pairwise([0, *ends])):
        if end > start:
            rows = faiss.swig_ptr(places[start:end]), faiss.swig_ptr(codes[start:end].reshape(-1))
            lists.invlists.add_entries(number, end - start, *rows)
    lists.ntotal = len(places)
    return lists


def _read_arrays(file: Path) -> dict[str, np.ndarray]:
    with safe_open(file, framework="np") as tensors:
        names = tensors.keys()
        return {name: tensors.get_tensor(name) for name in names}


def _fits(arrays: dict[str, np.ndarray], size: int) -> bool:
    """Whether the shapes and values are such that faiss reads nothing outside the arrays."""
    if arrays.keys() != {"centres", "ranges", "counts", "places", "codes"}:
        return False
    rows, lists = arrays["places"].size, arrays["counts"].size
    expected = {
        "centres": (np.float32, (lists, size)),
        "ranges": (np.float32, (2 * size,)),
        "counts": (np.int64, (lists,)),
        "places": (np.int64, (rows,)),
        "codes": (np.uint8, (rows, size)),
    }
    if any((arrays[name].dtype, arrays[name].shape) != (dtype, shape) for name, (dtype, shape) in expected.items()):
        return False
    counts = arrays["counts"].tolist()  # whole numbers of Python, whose sum does not overflow
    return lists > 0 and min(counts) >= 0 and sum(counts) == rows


def _holds(places: np.ndarray, segments: Sequence[Segment]) -> bool:
    """Whether the places are those of all rows of the segments, each once."""
    end = max((segment.first + segment.rows for segment in segments), default=0)
    expected, actual = np.zeros(end, bool), np.zeros(end, bool)
    for segment in segments:
        expected[segment.first : segment.first + segment.rows] = True
    if len(places) != expected.sum() or not len(places) or places.min() < 0 or places.max() >= end:
        return False
    actual[places] = True
    return np.array_equal(actual, expected)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
