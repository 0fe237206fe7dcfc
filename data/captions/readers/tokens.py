"""Captions of Flickr8k and Flickr30k as they are published: Flickr8k.token.txt, results_20130124.token.

A line is `IMAGE.jpg#N`, a tab, the caption. Lists such as Flickr_8k.trainImages.txt, beside it, say the splits.

Reference: Hodosh, Young and Hockenmaier, "Framing Image Description as a Ranking Task", 2013; Young et al., "From image
descriptions to visual denotations", 2014.
"""

import re
from pathlib import Path

from data.captions.readers.row import Row
from data.images.finder import ImageFinder
from data.spoken.readers.flickr8k import listed_splits
from data.table import read_lines

FILES = ("Flickr8k.token.txt", "results_20130124.token")
LINE = re.compile(r"([^\t#]+)#(\d+)\t(.*)")


def token_rows(path: Path, finder: ImageFinder) -> list[Row]:
    """The rows of one file.

    Args:
        path: the file.
        finder: of the images.

    Raises:
        DataError: it cannot be read.
    """
    splits = listed_splits(path.parent)
    rows = []
    for number, line in read_lines(path):
        place = f"{path.name} line {number}"
        if not (parts := LINE.fullmatch(line)):
            rows.append(Row(place, reason="is not IMAGE#NUMBER, a tab and a caption"))
            continue
        image, key, text = parts.groups()
        file, reason = finder.find(image)
        rows.append(Row(place, file, text, splits.get(image, ""), key, reason))
    return rows
