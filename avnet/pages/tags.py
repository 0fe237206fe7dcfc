"""Tags as files: heatmaps over their images, and rows of a catalogue."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from avnet.apps.tags import TaggedImage
from avnet.captioners.features import grid_features
from avnet.files.names import distinct_name, name_key
from avnet.files.whole import whole_file
from avnet.media.image import resize_short_side
from avnet.pages.attention import attention_overlay

# Of heatmaps, pixels at most.
SHORT_SIDE = 720


def row_of(one: TaggedImage) -> dict[str, Any]:
    """What a catalogue holds of an image, as plain values for JSON."""
    return {"image": one.file, "tags": [{"name": tag.name, "probability": tag.probability} for tag in one.tags]}


def write_heatmaps(one: TaggedImage, folder: Path, keys: set[str]) -> list[Path]:
    """Writes NAME.WORD.png for each tag of an image: its heatmap over the image, brightest where the word is likeliest.

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
        cells = grid_features(heatmap[None, ..., None]).of_squares_in([small.shape[1::-1]])
        with whole_file(files[-1]) as temporary:
            Image.fromarray(attention_overlay(small, heatmap.ravel(), np.asarray(cells.boxes[0]))).save(
                temporary, "PNG"
            )
    return files
