"""Tags as files: heatmaps over their images, and rows of a catalogue."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from avnet.apps.tags import TaggedImage
from avnet.files.names import distinct_name, name_key
from avnet.files.whole import whole_file
from avnet.media.image import resize_short_side
from avnet.pages.heatmap import overlay, upsample

# Of heatmaps, pixels at most.
SHORT_SIDE = 720


def row_of(one: TaggedImage) -> dict[str, Any]:
    """What a catalogue holds of an image, as plain values for JSON."""
    return {"image": one.file, "tags": [{"name": tag.name, "probability": tag.probability} for tag in one.tags]}


def write_heatmaps(one: TaggedImage, folder: Path, keys: set[str]) -> list[Path]:
    """Writes NAME.WORD.png for each tag of an image: its heatmap over the image.

    Args:
        one: with heatmaps.
        folder: for them; it must be there.
        keys: of the names of images so far; that of this one is added.

    Raises:
        AvnetError: a file cannot be written.
    """
    name = distinct_name(Path(one.file).stem if one.file else "image", keys)
    keys.add(name_key(name))
    small = resize_short_side(one.image, min(SHORT_SIDE, *one.image.shape[:2]))
    files = []
    for tag, heatmap in zip(one.tags, one.heatmaps, strict=True):
        files.append(folder / f"{name}.{tag.name}.png")
        with whole_file(files[-1]) as temporary:
            Image.fromarray(overlay_square(small, heatmap)).save(temporary, "PNG")
    return files


def overlay_square(image: np.ndarray, heatmap: np.ndarray) -> np.ndarray:
    """An image under a heatmap of the square in its middle; nothing is told of what lies beside that."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    heat = np.zeros(image.shape[:2], np.float32)
    heat[top : top + side, left : left + side] = upsample(heatmap, side, side)
    return overlay(image, heat)
