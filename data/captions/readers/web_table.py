"""Captions of images of the web as they are published: a caption, a tab and the address of its image, or the reverse.

Conceptual Captions has the caption first (Train_GCC-training.tsv), Conceptual 12M the address. Nothing is fetched: an
image that lies under the last part of its address, or the name of a file in place of the address, is taken.

Reference: Sharma et al., "Conceptual Captions: A Cleaned, Hypernymed, Image Alt-text Dataset For Automatic Image
Captioning", 2018; Changpinyo et al., "Conceptual 12M", 2021.
"""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from data.captions.readers.row import Row
from data.images.finder import ImageFinder
from data.splits import split_in_name
from data.table import read_lines

ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def web_rows(path: Path, finder: ImageFinder) -> list[Row]:
    """The rows of one file, whose name may say the split.

    Args:
        path: the file.
        finder: of the images.

    Raises:
        DataError: it cannot be read.
    """
    split = split_in_name(path.stem)
    lines = [(f"{path.name} line {number}", line.split("\t")) for number, line in read_lines(path)]
    pairs = {place: _pair(cells) for place, cells in lines if len(cells) == 2}
    addresses: dict[str, str] = {}
    ambiguous = {name for _, image in pairs.values() if addresses.setdefault(name := _name(image), image) != image}
    rows = []
    for place, cells in lines:
        if place not in pairs:
            rows.append(Row(place, reason=f"has {len(cells)} cells, not a caption and an image"))
            continue
        text, image = pairs[place]
        if (name := _name(image)) in ambiguous:
            rows.append(Row(place, reason=f"its image is one of several addresses that end in {name!r}"))
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
