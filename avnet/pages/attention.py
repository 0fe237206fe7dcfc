"""Where a describer looked, as pictures: weights of places of any form become maps, and those colours over images."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from avnet.pages.heatmap import overlay, upsample

# Cells along a side of a map, at most: where boxes do not lie on a coarser lattice.
FINEST = 32
# How far from its lattice an edge may lie, in cells: float32 in shares of an image rounds.
ROUNDING = 1e-3
# Of the lines of a box: white.
LINE = np.uint8(255)


class AttentionMaps(NamedTuple):
    """Maps of equal cells over a part of an image.

    Attributes:
        maps: of each unit; each sums to what its weights do.
        box: left, top, right and bottom of the part, as shares of the image.
    """

    maps: Float[np.ndarray, "units rows columns"]
    box: tuple[float, float, float, float]


def rasterize(weights: Float[np.ndarray, "units places"], boxes: Float[np.ndarray, "places 4"]) -> AttentionMaps:
    """Spreads the weight of each place evenly over its box; boxes may overlap, and those without an area show nothing.

    The cells of a grid come out as they are: a map has the fewest cells in which every edge lies between two.

    Args:
        weights: of the places.
        boxes: left, top, right and bottom of these, as shares of the image.
    """
    solid = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if not solid.any():
        return AttentionMaps(np.zeros((len(weights), 1, 1), np.float32), (0.0, 0.0, 1.0, 1.0))
    boxes = np.asarray(boxes[solid], np.float64)
    left, top = boxes[:, :2].min(axis=0).tolist()
    right, bottom = boxes[:, 2:].max(axis=0).tolist()
    columns, rows = _shares(boxes[:, 0], boxes[:, 2]), _shares(boxes[:, 1], boxes[:, 3])
    maps = np.einsum("up,pr,pc->urc", weights[:, solid], rows, columns, optimize=True)
    return AttentionMaps(maps.astype(np.float32), (left, top, right, bottom))


def attention_overlay(
    image: np.ndarray, weights: Float[np.ndarray, " places"], boxes: Float[np.ndarray, "places 4"]
) -> np.ndarray:
    """An image under where was looked, brightest at the largest weight.

    Args:
        image: uint8 RGB [height, width, 3].
        weights: of the places.
        boxes: of these, as in `rasterize`.
    """
    (cells,), box = rasterize(weights[None], boxes)
    left, top, right, bottom = pixels_of(box, *image.shape[:2])
    heat = np.zeros(image.shape[:2], np.float32)
    shares = cells / max(float(cells.max()), 1e-9)
    heat[top:bottom, left:right] = upsample(shares, bottom - top, right - left)
    return overlay(image, heat)


def with_box(image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """A copy of an image with the lines of a box.

    Args:
        image: uint8 RGB [height, width, 3].
        box: left, top, right and bottom, as shares of the image.
    """
    left, top, right, bottom = pixels_of(box, *image.shape[:2])
    line = max(1, min(image.shape[:2]) // 120)
    inside = np.zeros(image.shape[:2], bool)
    inside[top + line : bottom - line, left + line : right - line] = True
    frame = np.zeros_like(inside)
    frame[top:bottom, left:right] = True
    return np.where((frame & ~inside)[..., None], LINE, image)


def pixels_of(box: tuple[float, float, float, float], height: int, width: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a box in pixels, at least one wide and high."""
    (left, right), (top, bottom) = _pixels(box[0], box[2], width), _pixels(box[1], box[3], height)
    return left, top, right, bottom


def _pixels(low: float, high: float, size: int) -> tuple[int, int]:
    # To halves first: the side of a small copy is rounded, and the middle of an odd rest lies between two pixels.
    start = min(int(np.floor(np.round(2 * low * size) / 2)), size - 1)
    return start, min(start + max(1, round((high - low) * size)), size)


def _shares(low: np.ndarray, high: np.ndarray) -> Float[np.ndarray, "places cells"]:
    """How much of the length of each interval lies in each cell of their common lattice."""
    edges = (np.stack([low, high]) - low.min()) / (high.max() - low.min())
    for cells in range(1, FINEST):
        if np.abs(edges * cells - np.round(edges * cells)).max() < ROUNDING:
            edges = np.round(edges * cells)
            break
    else:
        cells = FINEST
        edges = edges * cells
    start, stop = edges[..., None]
    lattice = np.arange(cells)
    common = np.minimum(stop, lattice + 1) - np.maximum(start, lattice)
    # What rounding left without a length shows nothing.
    return np.maximum(common, 0) / np.maximum(stop - start, 1e-9)
