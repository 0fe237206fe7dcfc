"""Annotations of Microsoft COCO as they are published: captions_train2017.json, captions_val2014.json.

`{"images": [{"id", "file_name"}], "annotations": [{"id", "image_id", "caption"}]}`. The name of the file says the split
and the folder of the images. COCO keeps the captions of its test images; papers test on Karpathy's split.

Reference: Chen et al., "Microsoft COCO captions: data collection and evaluation server", 2015.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avnet.errors import DataError
from data.captions.readers.row import Row
from data.images.finder import ImageFinder
from data.splits import split_in_name

FILES = "captions_*.json"
SUBSET = re.compile(r"(?:train|val)(\d{4})")


def refuse_several_years(folder: Path, files: Sequence[Path]) -> None:
    """Refuses files of 2014 together with those of 2017, which divide the same images otherwise.

    Raises:
        DataError: names the years.
    """
    years = sorted({found[1] for file in files if (found := SUBSET.search(file.stem))})
    if len(years) > 1:
        raise DataError(folder, f"holds captions of {' and '.join(years)}, which are of the same images; name one file")


def coco_rows(path: Path, images: list[Any], annotations: list[Any], finder: ImageFinder) -> list[Row]:
    """The rows of one file.

    Args:
        path: the file.
        images: its list of them.
        annotations: its list of captions.
        finder: of the images.
    """
    names: dict[Any, Any] = {}
    for image in images:
        if isinstance(image, dict) and isinstance(image.get("id"), int | str):
            names.setdefault(image["id"], image.get("file_name"))
    subset, split = SUBSET.search(path.stem), split_in_name(path.stem)
    rows = []
    for number, annotation in enumerate(annotations, start=1):
        place = f"{path.name} annotation {number}"
        if not isinstance(annotation, dict) or not isinstance(image := annotation.get("image_id"), int | str):
            rows.append(Row(place, reason="names no image"))
            continue
        name, text = names.get(image), annotation.get("caption")
        if not isinstance(name, str):
            rows.append(Row(place, reason=f"its image {image!r} is not among the images of the file"))
            continue
        file, reason = finder.find(name, f"{subset[0]}/{name}") if subset else finder.find(name)
        key = str(annotation.get("id", place))
        rows.append(Row(place, file, text if isinstance(text, str) else "", split, key, reason))
    return rows
