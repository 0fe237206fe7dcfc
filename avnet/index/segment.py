"""Segments of an index: immutable files of vectors that are there whole or not at all."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from avnet.errors import IndexFolderError
from avnet.files.whole import whole_file

Kind = Literal["image", "sound"]
KINDS: tuple[Kind, ...] = ("image", "sound")
# float16 moves the cosine of unit vectors by less than 2^-11, half a unit in the last of its 11 binary digits.
Precision = Literal["float32", "float16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "float16")


@dataclass(frozen=True)
class Segment:
    """Vectors of one kind.

    Attributes:
        id: its number, which names its file.
        kind: what was embedded.
        file: where it lies.
        first: how many rows of the index come before its own.
        rows: how many vectors it holds.
        mapping: the vectors, if the file stays mapped; a mapping holds an open file, of which a process has few.
    """

    id: int
    kind: Kind
    file: Path
    first: int
    rows: int
    mapping: np.ndarray | None

    def vectors(self) -> Float[np.ndarray, "rows features"]:
        """float32 or float16 [rows, size], mapped from the file.

        Raises:
            IndexFolderError: it has gone since the index was opened.
        """
        return _map(self.file) if self.mapping is None else self.mapping


def segment_file(folder: Path, id: int) -> Path:
    """Where a segment lies."""
    return folder / f"segment-{id:08d}.npy"


def write_segment(
    folder: Path, id: int, vectors: Float[np.ndarray, "rows features"], precision: Precision = "float32"
) -> int:
    """Writes a segment; its name appears when it is whole on disk.

    Returns:
        The CRC-32 of the file.

    Raises:
        IndexFolderError: the system refused.
    """
    file = segment_file(folder, id)
    with whole_file(file, IndexFolderError, own=True) as temporary:
        with temporary.open("wb") as out:
            # Little-endian on every machine, so that an index can be copied to another.
            np.save(out, np.ascontiguousarray(vectors, dtype=_little_endian(precision)))
        crc32 = zlib.crc32(np.memmap(temporary, np.uint8, "r").data)
    return crc32


def map_segment(
    folder: Path, id: int, shape: tuple[int, int], crc32: int, precision: Precision = "float32"
) -> Float[np.ndarray, "rows features"]:
    """Maps a segment into memory, after reading it once to see that it is as it was written.

    Raises:
        IndexFolderError: it is missing or damaged.
    """
    file = segment_file(folder, id)
    try:
        same = zlib.crc32(np.memmap(file, np.uint8, "r").data) == crc32
    except FileNotFoundError:
        raise IndexFolderError(file, "is missing") from None
    except (OSError, ValueError) as error:
        raise IndexFolderError(file, f"is damaged ({error})") from None
    vectors = _map(file) if same else None
    if vectors is None or vectors.shape != shape or vectors.dtype != _little_endian(precision):
        raise IndexFolderError(file, "is damaged (its content is not what was written)")
    return vectors


def float32_of(
    vectors: Float[np.ndarray, "rows features"], room: Float[np.ndarray, "most features"]
) -> Float[np.ndarray, "rows features"]:
    """The same numbers as float32: the vectors themselves if they are, else written into `room`.

    Args:
        vectors: float32, or finite float16.
        room: float32, for at least as many rows; used again from block to block.
    """
    if vectors.dtype == np.float32:
        return vectors
    # NumPy's own conversion takes five times as long. A half is sign, 5 digits of exponent (biased by 15), 10 of
    # fraction; 13 places further left these lie where float32 has its sign, 8 (by 127) and 23. Widening to 32 bits
    # repeated the sign in the three digits that the exponent gains, which are cleared; 127 - 15 = 112.
    room = room[: len(vectors)]
    bits = room.view(np.int32)
    bits[...] = vectors.view("<i2")
    bits <<= 13
    bits &= ~0x70000000
    room *= np.float32(2.0**112)
    return room


def _map(file: Path) -> np.ndarray:
    try:
        return np.asarray(np.load(file, mmap_mode="r"))  # plain: slices of a memmap take ten times as long
    except FileNotFoundError:
        raise IndexFolderError(file, "is missing") from None
    except (OSError, ValueError) as error:
        raise IndexFolderError(file, f"is damaged ({error})") from None


def _little_endian(precision: Precision) -> np.dtype:
    return np.dtype(precision).newbyteorder("<")
