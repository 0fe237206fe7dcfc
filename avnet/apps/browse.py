"""A map of an index: every entry a point in the plane, near to what is like it."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8, UInt32

from avnet.errors import ConfigError
from avnet.index.entry import entry_id
from avnet.index.index import Index
from avnet.index.nearest import Shelf
from avnet.index.segment import KINDS

Method = Literal["pca", "umap"]
# Rows that are held at once.
ROWS = 1 << 14
SEED = 0


@dataclass(frozen=True)
class IndexMap:
    """Where each entry of an index lies.

    Attributes:
        points: float32 [n, 2] in [-1, 1]; both axes have one scale.
        kinds: uint8 [n], 0 for an image and 1 for a sound.
        files: uint32 [n], places in `names`.
        times: float64 [n], seconds.
        segments, rows: uint32 [n], what the entry's id is made of.
        names: paths of the files.
    """

    points: Float[np.ndarray, "n 2"]
    kinds: UInt8[np.ndarray, " n"]
    files: UInt32[np.ndarray, " n"]
    times: Float[np.ndarray, " n"]
    segments: UInt32[np.ndarray, " n"]
    rows: UInt32[np.ndarray, " n"]
    names: tuple[str, ...]

    def entry(self, number: int) -> str:
        """The id of the entry of a point, by which `avnet.search` finds more like it."""
        return entry_id(int(self.segments[number]), int(self.rows[number]))


def index_map(index: str | Path | Index, method: Method = "pca") -> IndexMap:
    """Lays out all entries of an index in the plane.

    Images and sounds are centered each by themselves: their clouds lie apart in the space of the model, and a map would
    show that alone.

    Args:
        index: or its folder.
        method: pca keeps as much of the distances as a plane can, in seconds for 100,000 entries and in memory that
            grows by their coordinates alone; umap keeps neighbors together, in minutes.

    Raises:
        AvnetError: the index cannot be opened, or umap-learn is not installed.

    Reference: McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection", 2018.

    Example:
        >>> map = avnet.index_map("index")
        >>> map.points.shape == (len(map.kinds), 2)
        True
        >>> map.names[map.files[0]].endswith("film_0.mp4")
        True
    """
    if method not in ("pca", "umap"):
        raise ConfigError("method", f"must be pca or umap, got {method!r}")
    with nullcontext(index) if isinstance(index, Index) else Index.open(index) as store:
        shelves = store.shelves()
        points = _umap(shelves) if method == "umap" else _pca(shelves, store.embedding_size)
        paths = store.rows.paths()
        counting = [np.flatnonzero(shelf.files) for shelf in shelves]
        times = [store.rows.times(shelf.segment)[rows] for shelf, rows in zip(shelves, counting, strict=True)]
    files = [shelf.files[rows] for shelf, rows in zip(shelves, counting, strict=True)]
    kinds = [
        np.full(len(rows), KINDS.index(s.segment.kind), np.uint8) for s, rows in zip(shelves, counting, strict=True)
    ]
    segments = [np.full(len(rows), s.segment.id, np.uint32) for s, rows in zip(shelves, counting, strict=True)]
    numbers, places = np.unique(_joined(files, np.int32), return_inverse=True)
    return IndexMap(
        _to_square(points),
        _joined(kinds, np.uint8),
        places.astype(np.uint32),
        _joined(times, np.float64),
        _joined(segments, np.uint32),
        _joined(counting, np.uint32),
        tuple(paths[number] for number in numbers.tolist()),
    )


def _blocks(shelves: Sequence[Shelf]) -> Iterator[tuple[int, np.ndarray]]:
    """(kind, float32 vectors) of the rows that count, in order, a few at a time."""
    for shelf in shelves:
        vectors, kind = shelf.segment.vectors(), KINDS.index(shelf.segment.kind)
        for start in range(0, len(vectors), ROWS):
            counts = shelf.files[start : start + ROWS] > 0
            if counts.any():
                yield kind, np.asarray(vectors[start : start + ROWS][counts], np.float32)


def _centers(shelves: Sequence[Shelf]) -> np.ndarray:
    """Mean vector of each kind, float32 [kinds, size]; zeros of one that is not there."""
    sums: dict[int, np.ndarray] = {}
    counts = dict.fromkeys(range(len(KINDS)), 0)
    size = 0
    for kind, vectors in _blocks(shelves):
        size = vectors.shape[1]
        sums[kind] = sums.get(kind, 0.0) + vectors.sum(axis=0, dtype=np.float64)
        counts[kind] += len(vectors)
    return np.stack([sums.get(kind, np.zeros(size)) / max(1, count) for kind, count in counts.items()]).astype(
        np.float32
    )


def _pca(shelves: Sequence[Shelf], size: int) -> np.ndarray:
    """Coordinates along the two directions in which centered vectors vary most, float32 [n, 2]."""
    centers, scatter = _centers(shelves), np.zeros((size, size))
    for kind, vectors in _blocks(shelves):
        vectors = vectors - centers[kind]
        scatter += vectors.T @ vectors
    axes = np.linalg.eigh(scatter)[1][:, : -min(2, size) - 1 : -1]
    # An eigenvector may point either way; a map that is made again shall not be mirrored.
    signs = np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0))
    axes = np.pad(axes * signs, ((0, 0), (0, 2 - axes.shape[1]))).astype(np.float32)
    return _joined([(vectors - centers[kind]) @ axes for kind, vectors in _blocks(shelves)], np.float32, (0, 2))


def _umap(shelves: Sequence[Shelf]) -> np.ndarray:
    try:
        from umap import UMAP  # pyright: ignore[reportMissingImports]: a package of the user's choice
    except ImportError:
        raise ConfigError("umap", "needs a package: pip install umap-learn; pca needs none") from None
    centers = _centers(shelves)
    vectors = _joined([block - centers[kind] for kind, block in _blocks(shelves)], np.float32)
    return np.asarray(UMAP(n_components=2, metric="cosine", random_state=SEED).fit_transform(vectors), np.float32)


def _to_square(points: np.ndarray) -> np.ndarray:
    """Moved and scaled into [-1, 1], both axes alike."""
    if not len(points):
        return points
    low, high = points.min(axis=0), points.max(axis=0)
    half = max(float((high - low).max()) / 2, np.finfo(np.float32).tiny)
    return np.clip((points - (low + high) / 2) / half, -1.0, 1.0).astype(np.float32)


def _joined(parts: Sequence[np.ndarray], dtype: type, empty: tuple[int, ...] = (0,)) -> np.ndarray:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(empty, dtype)
