"""A file of regions as captioners use it: looked up by the names of images, checked, padded."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from avnet.captioners.features import ImageFeatures
from avnet.captioners.region_files.arrays import rows_of
from avnet.captioners.region_files.h5 import H5Arrays
from avnet.captioners.region_files.npz import NpzArrays, NpzFolder
from avnet.captioners.region_files.rows import Row, Rows
from avnet.captioners.region_files.tsv import TsvRows
from avnet.errors import DataError
from avnet.media.suffixes import IMAGES

# Images are padded to a multiple of so many regions, so that few shapes are compiled; the usual 36 stay 36.
BLOCK = 12
# More regions of an image than any detector gives: the file is damaged, or means to fill the memory.
MOST = 4096
SUFFIXES = (".tsv", ".npz", ".h5", ".hdf5")
# 'COCO_val2014_000000000042' is 42, as most files call it.
_NUMBER = re.compile(r"(?:COCO_[A-Za-z]+\d{4}_)?0*(\d+)")
# What readers raise where a file is damaged, h5py among them.
_DAMAGE = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, UnicodeError)


class RegionFile:
    """Regions of images, as a detector found them; an image is read when it is asked for.

    Args:
        path: a .tsv file of bottom-up attention; an .npz or .h5 file; or a folder with one .npz an image.

    Attributes:
        path: of the file.
        features: of each region.

    Raises:
        DataError: it is no such file, or damaged.
        ConfigError: it is an .h5 file, and h5py is missing.
    """

    def __init__(self, path: str | Path):
        self.path = path = Path(path)
        try:
            self._rows = _open(path)
            self._names: dict[str, str] = {}
            for name in self._rows.names:
                if (first := self._names.setdefault(image_key(name), name)) != name:
                    raise ValueError(f"it has one image twice, as {first!r} and {name!r}")
            if not self._names:
                raise ValueError("it holds no image")
            shape = np.shape(self._rows.read(next(iter(self._rows.names))).features)
        except _DAMAGE as error:
            raise DataError(path, f"has no regions of images that can be read ({_reason(error)})") from None
        if len(shape) != 2 or not shape[1]:
            raise DataError(path, f"has no regions of images that can be read (features of the first are {shape})")
        self.features = int(shape[1])

    def __len__(self) -> int:
        """Number of images."""
        return len(self._names)

    def __contains__(self, image: str) -> bool:
        return image_key(image) in self._names

    def most(self, images: Iterable[str]) -> int:
        """The largest number of regions of some images.

        Raises:
            DataError: one is unknown or damaged.
        """
        largest = 0
        for image in images:
            name = self._name(image)
            try:
                largest = max(largest, self._rows.count(name))
            except _DAMAGE as error:
                raise self._damaged(image, _reason(error)) from None
        return largest

    def of(
        self, images: Sequence[str], sizes: Sequence[tuple[int, int]] | None = None, least: int = 0
    ) -> ImageFeatures:
        """The regions of images, padded to the most of one of them.

        Args:
            images: their names, with or without a folder and a suffix; a number in COCO's manner, by the number.
            sizes: width and height of each in pixels, for files with boxes in pixels that do not say of how many.
                Without either the farthest corner of a box is taken for that of the image.
            least: places that there are at least.

        Raises:
            DataError: an image is unknown, or its regions cannot be used.
        """
        rows = [self._checked(image, None if sizes is None else sizes[i]) for i, image in enumerate(images)]
        places = max(least, *(len(boxes) for _, boxes in rows), 1)
        places = -(-places // BLOCK) * BLOCK
        features = ImageFeatures(
            np.zeros((len(rows), places, self.features), np.float32),
            np.zeros((len(rows), places), bool),
            np.zeros((len(rows), places, 4), np.float32),
        )
        for i, (cells, boxes) in enumerate(rows):
            features.cells[i, : len(cells)] = cells
            features.mask[i, : len(cells)] = True
            features.boxes[i, : len(cells)] = boxes
        return features

    def _name(self, image: str) -> str:
        name = self._names.get(image_key(image))
        if name is None:
            raise DataError(self.path, f"has no regions of the image {Path(image).name!r}")
        return name

    def _checked(self, image: str, size: tuple[float, float] | None) -> tuple[np.ndarray, np.ndarray]:
        name = self._name(image)
        try:
            if not 0 < (count := self._rows.count(name)) <= MOST:
                raise ValueError(f"it has {count} regions")
            row = self._rows.read(name)
            return _features(row, self.features), _boxes(row, size)
        except _DAMAGE as error:
            raise self._damaged(image, _reason(error)) from None

    def _damaged(self, image: str, reason: str) -> DataError:
        return DataError(self.path, f"has no usable regions of the image {Path(image).name!r}: {reason}")


def image_key(name: str) -> str:
    """What an image is called in whatever file: no folder, no suffix, and a number without what stands around it."""
    path = Path(name)
    stem = path.stem if path.suffix.lower() in IMAGES else path.name
    number = _NUMBER.fullmatch(stem)
    return number[1] if number else stem


def _open(path: Path) -> Rows:
    if path.is_dir():
        return NpzFolder(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"it is neither a folder of .npz files nor called {', '.join(SUFFIXES)}")
    if suffix == ".tsv":
        return TsvRows(path)
    return rows_of(NpzArrays(path) if suffix == ".npz" else H5Arrays(path))


def _features(row: Row, width: int) -> np.ndarray:
    if row.features.ndim != 2 or row.features.shape[1] != width:
        raise ValueError(f"its features are {row.features.shape}, not of the width {width} of the first image")
    if len(row.features) != len(row.boxes):
        raise ValueError(f"it has {len(row.boxes)} boxes for {len(row.features)} features")
    if row.features.dtype.kind not in "fiu" or not np.isfinite(row.features).all():
        raise ValueError("its features are not finite numbers")
    return np.asarray(row.features, np.float32)


def _boxes(row: Row, size: tuple[float, float] | None) -> np.ndarray:
    """As shares of the image, inside of it."""
    if row.boxes.ndim != 2 or row.boxes.shape[1] != 4 or row.boxes.dtype.kind not in "fiu":
        raise ValueError(f"its boxes are {row.boxes.dtype}{row.boxes.shape}, not numbers [regions, 4]")
    boxes = np.asarray(row.boxes, np.float64)
    if not np.isfinite(boxes).all():
        raise ValueError("its boxes are not finite numbers")
    if (boxes[:, 2:] < boxes[:, :2]).any():
        raise ValueError("the corners of a box are swapped")
    # No box of pixels is this small, and rounding may push a share beyond 1.
    if boxes.max() > 1.01:
        width, height = row.size or size or boxes[:, 2:].max(axis=0)
        if not (0 < width < np.inf and 0 < height < np.inf):
            raise ValueError(f"its size is {width:g} x {height:g}")
        boxes = boxes / [width, height, width, height]
    return np.clip(boxes, 0, 1).astype(np.float32)


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error).splitlines()[0] if str(error) else "it ends early"
