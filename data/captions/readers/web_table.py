"""Captions of images of the web as they are published: a caption, a tab and the address of its image, or the reverse.

Conceptual Captions has the caption first (Train_GCC-training.tsv), Conceptual 12M the address. Nothing is fetched: an
image that lies under the last part of its address, or the name of a file in place of the address, is taken.

Reference: Sharma et al., "Conceptual Captions: A Cleaned, Hypernymed, Image Alt-text Dataset For Automatic Image
Captioning", 2018; Changpinyo et al., "Conceptual 12M", 2021.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from data.captions.readers.row import Row
from data.images.finder import ImageFinder
from data.splits import split_in_name
from data.table import read_lines

ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def web_rows(paths: Sequence[Path], finder: ImageFinder) -> list[Row]:
    """The rows of files, whose names may say the split.

    Args:
        paths: the files.
        finder: of the images.

    Raises:
        DataError: one cannot be read.
    """
    lines = [
        (f"{path.name} line {number}", line.split("\t"), split_in_name(path.stem))
        for path in paths
        for number, line in read_lines(path)
    ]
    images = [_pair(cells)[1] for _, cells, _ in lines if len(cells) == 2]
    addresses = {image for image in images if ADDRESS.match(image)}
    counts = Counter(map(_name, addresses))
    rows = []
    for place, cells, split in lines:
        if len(cells) != 2:
            rows.append(Row(place, reason=f"has {len(cells)} cells, not a caption and an image"))
            continue
        text, image = _pair(cells)
        name = _name(image)
        if name and image in addresses and counts[name] > 1:
            rows.append(Row(place, reason=f"its image is one of {counts[name]} addresses that end in {name!r}"))
            continue
        file, reason = finder.find(name)
        rows.append(Row(place, file, text, split, reason=reason))
    return rows


def _pair(cells: list[str]) -> tuple[str, str]:
    """Caption and image."""
    first, second = (cell.strip() for cell in cells)
    return (second, first) if ADDRESS.match(first) and not ADDRESS.match(second) else (first, second)


def _name(image: str) -> str:
    """Of the file."""
    if not ADDRESS.match(image):
        return image
    try:
        return unquote(urlsplit(image).path).rpartition("/")[2]
    except ValueError:  # brackets that are no address
        return ""
