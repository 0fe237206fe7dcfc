"""What a captioner is given of images: features of places, with the boxes of these, so that attention can be drawn."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Bool, Float

Regions = Literal["grid", "snake", "windows", "file"]
REGIONS: tuple[Regions, ...] = get_args(Regions)
# Windows along a side of the image, scale by scale: 1 + 4 + 9 + 16 = 30 windows.
SCALES = (1, 2, 3, 4)
# How much of its side a window shares with the next.
OVERLAP = 0.5


# Left, top, right and bottom, as shares of the width and height of an image.
Box = tuple[float, float, float, float]


class ImageFeatures(NamedTuple):
    """A batch of images: cells of a grid, windows over it, or regions of a detector; arrays of NumPy or JAX.

    Attributes:
        cells: of each place.
        mask: the places that count; the others change nothing.
        boxes: of the places: left, top, right and bottom, as shares of the width and height of the image.
    """

    cells: Float[Any, "batch places features"]
    mask: Bool[Any, "batch places"]
    boxes: Float[Any, "batch places 4"]

    def select(self, images: Any) -> "ImageFeatures":
        """Those of some images, by a slice or by numbers."""
        return ImageFeatures(self.cells[images], self.mask[images], self.boxes[images])

    def of_squares_in(self, sizes: Sequence[tuple[int, int]]) -> "ImageFeatures":
        """With boxes as shares of whole images, of which those of a backbone are of the central squares.

        Args:
            sizes: width and height of each image, pixels.
        """
        shares = np.array([(min(size) / size[0], min(size) / size[1]) * 2 for size in sizes]).reshape(-1, 1, 4)
        return self._replace(boxes=((1 - shares) / 2 + np.asarray(self.boxes) * shares).astype(np.float32))

    @property
    def whole(self) -> Float[np.ndarray, "batch features"]:
        """The mean of the places that count, of each image."""
        cells = np.where(self.mask[..., None], np.asarray(self.cells, np.float32), 0.0)
        return cells.sum(axis=1) / np.maximum(self.mask.sum(axis=1), 1)[:, None]

    def within(self, box: Box) -> "ImageFeatures":
        """With the places that lie mostly in a box; where there is none, with the place nearest to its middle.

        Args:
            box: left, top, right and bottom, as shares of the image.
        """
        left, top, right, bottom = box
        boxes = np.asarray(self.boxes)
        width = np.minimum(boxes[..., 2], right) - np.maximum(boxes[..., 0], left)
        height = np.minimum(boxes[..., 3], bottom) - np.maximum(boxes[..., 1], top)
        area = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
        middles = (boxes[..., :2] + boxes[..., 2:]) / 2
        # A place without an area has a middle alone.
        around = ((middles >= [left, top]) & (middles <= [right, bottom])).all(axis=-1)
        inside = np.asarray(self.mask) & around & (np.maximum(width, 0) * np.maximum(height, 0) >= 0.5 * area)
        distance = np.square(middles - [(left + right) / 2, (top + bottom) / 2]).sum(axis=-1)
        nearest = np.where(self.mask, distance, np.inf).argmin(axis=-1)
        alone = np.arange(boxes.shape[1]) == nearest[..., None]
        return self._replace(mask=np.where(inside.any(axis=-1, keepdims=True), inside, alone))


def grid_features(grids: Float[Any, "batch rows columns features"]) -> ImageFeatures:
    """Each cell of a grid is a place, row by row."""
    batch, rows, columns, features = grids.shape
    return _everywhere(grids.reshape(batch, rows * columns, features), grid_boxes(rows, columns))


def snake_features(grids: Float[Any, "batch rows columns features"]) -> ImageFeatures:
    """The cells of a grid, every second row from right to left, so that each place lies beside the last.

    XNMT pools neighbors in this sequence (Hasegawa-Johnson et al., 2017), which across the ends of rows that all run
    from left to right lie far apart. Where the order of places is not used this is the grid.
    """
    rows, columns = grids.shape[1:3]
    order = np.arange(rows * columns).reshape(rows, columns)
    order[1::2] = order[1::2, ::-1]
    features, order = grid_features(grids), order.ravel()
    return ImageFeatures(features.cells[:, order], features.mask[:, order], features.boxes[:, order])


def window_features(grids: Float[Any, "batch rows columns features"]) -> ImageFeatures:
    """Means of the grid over windows that overlap, at several scales, as regions where there is no detector."""
    batch, rows, columns, features = grids.shape
    weights = window_weights(rows, columns).astype(grids.dtype)
    return _everywhere(weights @ grids.reshape(batch, rows * columns, features), window_boxes())


# What a captioner sees of the grids of a backbone; regions of files are given to it as they are.
OF_GRIDS: dict[Regions, Callable[[Any], ImageFeatures]] = {
    "grid": grid_features,
    "snake": snake_features,
    "windows": window_features,
}


@cache
def grid_boxes(rows: int, columns: int) -> Float[np.ndarray, "places 4"]:
    """Of the cells of a grid, row by row."""
    top, left = np.mgrid[:rows, :columns].reshape(2, -1)
    edges = [left / columns, top / rows, (left + 1) / columns, (top + 1) / rows]
    return np.stack(edges, axis=-1).astype(np.float32)


@cache
def window_boxes() -> Float[np.ndarray, "places 4"]:
    """Of all windows, the largest first, then row by row."""
    boxes = []
    for scale in SCALES:
        side = 1 / (1 + (scale - 1) * (1 - OVERLAP))
        starts = np.arange(scale) * side * (1 - OVERLAP)
        boxes += [(left, top, left + side, top + side) for top in starts for left in starts]
    return np.asarray(boxes, np.float32)


@cache
def window_weights(rows: int, columns: int) -> Float[np.ndarray, "places cells"]:
    """The share of each cell in the mean of each window: the area of it that lies in the window."""
    cells, windows = grid_boxes(rows, columns).astype(np.float64), window_boxes().astype(np.float64)[:, None]
    width = np.minimum(cells[:, 2], windows[..., 2]) - np.maximum(cells[:, 0], windows[..., 0])
    height = np.minimum(cells[:, 3], windows[..., 3]) - np.maximum(cells[:, 1], windows[..., 1])
    area = np.maximum(width, 0) * np.maximum(height, 0)
    return (area / area.sum(axis=1, keepdims=True)).astype(np.float32)


def _everywhere(cells: Any, boxes: np.ndarray) -> ImageFeatures:
    batch, places, _ = cells.shape
    return ImageFeatures(cells, np.ones((batch, places), bool), np.broadcast_to(boxes, (batch, *boxes.shape)))
