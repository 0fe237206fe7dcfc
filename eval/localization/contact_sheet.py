"""Many small images on one page, with what the model sees laid over them and the true boxes drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from avnet.files.whole import whole_file
from avnet.pages.heatmap import overlay, upsample

TILE = 200
CAPTION = 16
GAP = 6


@dataclass(frozen=True)
class Tile:
    """An image and its heatmaps.

    Attributes:
        image: as seen.
        boxes: of what sounds, [x0, y0, x1, y1] in fractions of the image.
        heatmaps: (caption, grid in [0, 1]), drawn from left to right; captions are plain English.
    """

    image: UInt8[np.ndarray, "height width 3"]
    boxes: Float[np.ndarray, "boxes 4"]
    heatmaps: tuple[tuple[str, Float[np.ndarray, "rows columns"]], ...]


def draw(tiles: Sequence[Tile], columns: int = 3) -> UInt8[np.ndarray, "height width 3"]:
    """Lays the tiles out by rows on white."""
    strips = [_strip(tile) for tile in tiles]
    width, height = max(s.width for s in strips) + GAP, max(s.height for s in strips) + GAP
    rows = -(-len(strips) // columns)
    page = Image.new("RGB", (width * min(columns, len(strips)) + GAP, height * rows + GAP), "white")
    for i, strip in enumerate(strips):
        page.paste(strip, (GAP + i % columns * width, GAP + i // columns * height))
    return np.asarray(page)


def save(tiles: Sequence[Tile], path: Path) -> None:
    """Writes the page as PNG."""
    with whole_file(path) as temporary:
        Image.fromarray(draw(tiles)).save(temporary, format="PNG")


def _strip(tile: Tile) -> Image.Image:
    """The heatmaps of one tile side by side, captions above, boxes on each."""
    scale = TILE / max(tile.image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in tile.image.shape[:2])
    small = np.asarray(Image.fromarray(tile.image).resize((width, height), Image.Resampling.BILINEAR))
    strip = Image.new("RGB", (len(tile.heatmaps) * (TILE + 2) - 2, TILE + CAPTION), "white")
    pen = ImageDraw.Draw(strip)
    for i, (caption, grid) in enumerate(tile.heatmaps):
        left = i * (TILE + 2)
        strip.paste(Image.fromarray(overlay(small, upsample(grid, height, width))), (left, CAPTION))
        # The built-in font has no letters beyond ASCII in some builds of Pillow.
        pen.text((left, 2), caption.encode("ascii", "replace").decode()[:34], fill="black")
        for box in tile.boxes:
            # Annotated corners come in any order, and PIL refuses a rectangle whose second corner is not the greater.
            x0, y0, x1, y1 = _corners(box, width, height)
            pen.rectangle([left + x0, CAPTION + y0, left + x1, CAPTION + y1], outline="white")
    return strip


def _corners(box: np.ndarray, width: int, height: int) -> list[int]:
    """A box in pixels, its corners in order, as PIL draws them."""
    x0, y0, x1, y1 = (round(float(v) * (side - 1)) for v, side in zip(box, (width, height, width, height), strict=True))
    return [min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)]
