"""Boxes of what words name in images, and whether captioners look there when they write these words."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from avnet.captioners.features import Box
from avnet.describer.text_describer import TextDescription
from avnet.errors import DataError
from eval.captions.metrics.attention import AttentionCorrectness, attention_correctness

COLUMNS = ("image", "word", "left", "top", "right", "bottom")
# Name of an image -> word -> its box.
Boxes = Mapping[str, Mapping[str, Box]]


def read_boxes(path: Path) -> Boxes:
    """Reads a CSV file with a line for each box: image, word, left, top, right, bottom, as shares of the image.

    Words with several boxes in an image are left out: which of them is meant is not known.

    Raises:
        DataError: it cannot be read, lacks a column, or a box is none.
    """
    found: dict[str, dict[str, Box | None]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.DictReader(file)
            if missing := [name for name in COLUMNS if name not in (lines.fieldnames or ())]:
                raise DataError(path, f"has no column {missing[0]!r}; it needs {', '.join(COLUMNS)}")
            for line in lines:
                words = found.setdefault(line["image"], {})
                word = (line["word"] or "").strip().lower()
                words[word] = None if word in words else _box(path, lines.line_num, line)
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, f"cannot be read: {error}") from None
    return {image: {word: box for word, box in words.items() if box is not None} for image, words in found.items()}


def _box(path: Path, line: int, values: Mapping[str, str]) -> Box:
    try:
        left, top, right, bottom = (float(values[name]) for name in COLUMNS[2:])
    except (TypeError, ValueError):
        left, top, right, bottom = np.nan, np.nan, np.nan, np.nan
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        got = ", ".join(str(values[name]) for name in COLUMNS[2:])
        raise DataError(path, f"has no box in line {line}: left < right and top < bottom from 0 to 1, got {got}")
    return left, top, right, bottom


def looks(descriptions: Sequence[TextDescription], boxes: Sequence[Mapping[str, Box]]) -> AttentionCorrectness | None:
    """How much of the attention to words with a box lies in it.

    Args:
        descriptions: one of each image.
        boxes: of each image, by word.

    Returns:
        None where the captioner attends to nothing, or wrote no word with a box.
    """
    parts = []
    for description, of_image in zip(descriptions, boxes, strict=True):
        places = [place for place, word in enumerate(description.words) if word in of_image]
        if description.attention is None or not places:
            continue
        targets = np.array([of_image[description.words[place]] for place in places])
        parts.append(attention_correctness(description.attention[places], description.boxes, targets))
    count = sum(part.words for part in parts)
    if not count:
        return None
    inside, chance = (sum(getattr(part, name) * part.words for part in parts) / count for name in ("inside", "chance"))
    return AttentionCorrectness(inside, chance, count)
