"""Regions in `.npz` files: one of all images, or a folder with one an image."""

import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from avnet.captioners.region_files.arrays import named
from avnet.captioners.region_files.rows import BOXES, FEATURES, HEIGHTS, WIDTHS, Row

# An array that is compressed is unpacked as a whole; larger ones are refused.
LARGEST = 1 << 30
_HEADER = 30  # bytes before the name of a member


class NpzArrays(Mapping[str, np.ndarray]):
    """The arrays of an `.npz` file, mapped into memory, or unpacked when asked for where they are compressed.

    Raises:
        ValueError, OSError: it is none, or damaged.
    """

    def __init__(self, path: Path):
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = {one.filename.removesuffix(".npy"): one for one in archive.infolist()}
        except (zipfile.BadZipFile, EOFError) as error:
            raise ValueError(f"it is no .npz file ({error})") from None

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __getitem__(self, name: str) -> np.ndarray:
        member = self._members[name]
        if member.compress_type != zipfile.ZIP_STORED:
            if member.file_size > LARGEST:
                size = f"{member.file_size / 2**30:.1f} GiB"
                raise ValueError(f"its array {name!r} is compressed and takes {size}: save it with numpy.savez")
            try:
                with zipfile.ZipFile(self._path) as archive, archive.open(member) as file:
                    return np.lib.format.read_array(file, allow_pickle=False)
            except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise ValueError(f"its array {name!r} is damaged ({error})") from None
        with self._path.open("rb") as file:
            file.seek(member.header_offset)
            header = file.read(_HEADER)
            file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
            read = np.lib.format.read_array_header_1_0
            if np.lib.format.read_magic(file) != (1, 0):
                read = np.lib.format.read_array_header_2_0
            shape, by_columns, dtype = read(file)
            start = file.tell()
        if dtype.hasobject:
            raise ValueError(f"its array {name!r} holds objects of Python")
        if not np.prod(shape):
            return np.zeros(shape, dtype)
        return np.memmap(self._path, dtype, "r", start, shape, "F" if by_columns else "C")


class NpzFolder:
    """A folder with one `.npz` an image, which is called as the image.

    Each holds features [regions, features] (or the other way round, as some have them) and boxes [regions, 4].

    Raises:
        ValueError: there is none.
    """

    def __init__(self, path: Path):
        self._files = {file.stem: file for file in sorted(path.iterdir()) if file.suffix == ".npz"}
        if not self._files:
            raise ValueError("it holds no .npz file")

    @property
    def names(self) -> Collection[str]:
        """Of the images."""
        return self._files.keys()

    def count(self, name: str) -> int:
        """Number of regions of an image."""
        arrays = NpzArrays(self._files[name])
        return len(_array(arrays, BOXES))

    def read(self, name: str) -> Row:
        """The regions of an image."""
        arrays = NpzArrays(self._files[name])
        features, boxes = np.asarray(_array(arrays, FEATURES)), np.asarray(_array(arrays, BOXES))
        if features.ndim == 2 and features.shape[0] != len(boxes) == features.shape[1]:
            features = features.T
        width, height = named(arrays, WIDTHS), named(arrays, HEIGHTS)
        size = None if width is None or height is None else (float(arrays[width]), float(arrays[height]))
        return Row(features, boxes, size)


def _array(arrays: NpzArrays, names: tuple[str, ...]) -> np.ndarray:
    name = named(arrays, names)
    if name is None:
        raise ValueError(f"it has no array {names[0]!r}, but {', '.join(sorted(arrays)[:4]) or '-'}")
    return arrays[name]
