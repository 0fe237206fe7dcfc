"""Segments of an index: immutable files of vectors that are there whole or not at all."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from avnet.errors import IndexRefused
from avnet.whole import whole_file

Kind = Literal["image", "sound"]
KINDS: tuple[Kind, ...] = ("image", "sound")


@dataclass(frozen=True)
class Segment:
    """Vectors of one kind.

    Attributes:
        id: its number, which names its file.
        kind: what was embedded.
        vectors: float32 [rows, size], mapped from the file.
    """

    id: int
    kind: Kind
    vectors: np.ndarray


def segment_file(folder: Path, id: int) -> Path:
    """Where a segment lies."""
    return folder / f"segment-{id:08d}.npy"


def write_segment(folder: Path, id: int, vectors: Float[np.ndarray, "rows features"]) -> int:
    """Writes a segment; its name appears when it is whole on disk.

    Returns:
        The CRC-32 of the file.

    Raises:
        IndexRefused: the system refused.
    """
    file = segment_file(folder, id)
    with whole_file(file, IndexRefused) as temporary:
        with temporary.open("wb") as out:
            np.save(out, np.ascontiguousarray(vectors, dtype="<f4"))
        crc32 = zlib.crc32(np.memmap(temporary, np.uint8, "r").data)
    return crc32


def map_segment(folder: Path, id: int, shape: tuple[int, int], crc32: int) -> Float[np.ndarray, "rows features"]:
    """Maps a segment into memory, after reading it once to see that it is as it was written.

    Raises:
        IndexRefused: it is missing or damaged.
    """
    file = segment_file(folder, id)
    try:
        same = zlib.crc32(np.memmap(file, np.uint8, "r").data) == crc32
        vectors = np.load(file, mmap_mode="r") if same else None
    except FileNotFoundError:
        raise IndexRefused(file, "is missing") from None
    except (OSError, ValueError) as error:
        raise IndexRefused(file, f"is damaged ({error})") from None
    if vectors is None or vectors.shape != shape:
        raise IndexRefused(file, "is damaged (its content is not what was written)")
    return vectors
