"""Regions in named arrays, of an `.h5` or `.npz` file: two arrays an image, or all images in one array of each kind."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from avnet.captioners.region_files.rows import BOXES, FEATURES, HEIGHTS, WIDTHS, Row, Rows

# Names of images, and numbers of regions where not all are filled, of files with all images in one array.
NAMES, COUNTS = ("image_ids", "image_id", "ids"), ("num_boxes", "num_bbox", "counts")


def rows_of(arrays: Mapping[str, Any]) -> Rows:
    """The reader that arrays of such names take.

    Raises:
        ValueError: there is none.
    """
    if named(arrays, FEATURES) is not None and named(arrays, NAMES) is not None:
        return StackedRows(arrays)
    rows = NamedRows(arrays)
    if not rows.names:
        some = ", ".join(sorted(arrays)[:4])
        raise ValueError(
            f"it has neither ID_features and ID_boxes nor features, boxes and image_ids, but {some or '-'}"
        )
    return rows


class NamedRows:
    """Two arrays an image, `ID_features` and `ID_boxes`, as the Meshed-Memory Transformer has them.

    Reference: Cornia et al., "Meshed-Memory Transformer for Image Captioning", 2020; its coco_detections.hdf5.
    """

    def __init__(self, arrays: Mapping[str, Any]):
        self._arrays = arrays
        names = (name.removesuffix("_features") for name in arrays if name.endswith("_features"))
        self.names: Collection[str] = [name for name in names if f"{name}_boxes" in arrays]

    def count(self, name: str) -> int:
        """Number of regions of an image."""
        return len(self._arrays[f"{name}_boxes"])

    def read(self, name: str) -> Row:
        """The regions of an image."""
        features, boxes = (np.asarray(self._arrays[f"{name}_{what}"]) for what in ("features", "boxes"))
        return Row(features, boxes, None)


class StackedRows:
    """All images in one array: features [images, regions, features], boxes [images, regions, 4] and image_ids [images].

    Raises:
        ValueError: the arrays do not fit each other.
    """

    def __init__(self, arrays: Mapping[str, Any]):
        features, boxes = named(arrays, FEATURES), named(arrays, BOXES)
        if boxes is None:
            raise ValueError("it has no array 'boxes'")
        self._features, self._boxes = arrays[features or ""], arrays[boxes]
        names = np.asarray(arrays[named(arrays, NAMES) or ""])
        shapes = f"features {self._features.shape}, boxes {self._boxes.shape}, image_ids {names.shape}"
        if len(self._features.shape) != 3 or self._boxes.shape != (*self._features.shape[:2], 4):
            raise ValueError(f"its arrays do not fit each other: {shapes}")
        if names.shape != self._features.shape[:1]:
            raise ValueError(f"its arrays do not fit each other: {shapes}")
        self._numbers = {_text(name): number for number, name in reversed([*enumerate(names.tolist())])}
        self._counts, self._widths, self._heights = (
            _column(arrays, of, len(names)) for of in (COUNTS, WIDTHS, HEIGHTS)
        )

    @property
    def names(self) -> Collection[str]:
        """Of the images."""
        return self._numbers.keys()

    def count(self, name: str) -> int:
        """Number of regions of an image."""
        return self._boxes.shape[1] if self._counts is None else int(self._counts[self._numbers[name]])

    def read(self, name: str) -> Row:
        """The regions of an image."""
        number, count = self._numbers[name], self.count(name)
        size = None
        if self._widths is not None and self._heights is not None:
            size = (float(self._widths[number]), float(self._heights[number]))
        return Row(np.asarray(self._features[number])[:count], np.asarray(self._boxes[number])[:count], size)


def named(arrays: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of some names that there is."""
    return next((name for name in names if name in arrays), None)


def _column(arrays: Mapping[str, Any], names: tuple[str, ...], count: int) -> np.ndarray | None:
    name = named(arrays, names)
    if name is None:
        return None
    column = np.asarray(arrays[name])
    if column.shape != (count,) or column.dtype.kind not in "iuf":
        raise ValueError(f"its array {name!r} is {column.dtype}{column.shape}, not numbers of {count} images")
    return column


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
