"""Regions in `.tsv` files of bottom-up attention: an image a line, its arrays float32 in base64."""

import base64
import binascii
import mmap
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from avnet.captioners.region_files.rows import BOXES, FEATURES, HEIGHTS, WIDTHS, Row

# Columns by their number, where the first line does not name them: bottom-up attention, with the probabilities of
# classes, and LXMERT.
COLUMNS = {
    6: ("image_id", "image_w", "image_h", "num_boxes", "boxes", "features"),
    7: ("image_id", "image_w", "image_h", "num_boxes", "boxes", "features", "cls_prob"),
    10: (
        *("img_id", "img_h", "img_w", "objects_id", "objects_conf", "attrs_id", "attrs_conf", "num_boxes"),
        *("boxes", "features"),
    ),
}
NAMES, COUNT = ("image_id", "img_id"), "num_boxes"


class _Line(NamedTuple):
    start: int
    end: int
    count: int


class TsvRows:
    """A `.tsv` file, mapped into memory; where each line begins is found once, when it is opened.

    Reference: Anderson et al., "Bottom-Up and Top-Down Attention for Image Captioning and VQA", 2018; its files.

    Raises:
        ValueError: there is a line that does not begin as one of an image.
    """

    def __init__(self, path: Path):
        with path.open("rb") as file:
            # Empty files cannot be mapped.
            if not file.seek(0, 2):
                raise ValueError("it is empty")
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        line = self._bytes[: self._end(0)].rstrip(b"\r\n").split(b"\t")
        first = tuple(field.decode("utf-8", "replace") for field in line)
        named = not set(NAMES).isdisjoint(first)
        columns = first if named else COLUMNS.get(len(first))
        if columns is None:
            raise ValueError(f"it has {len(first)} columns, not {', '.join(map(str, COLUMNS))}")
        missing = [names[0] for names in (NAMES, (COUNT,), BOXES, FEATURES) if not set(names) & set(columns)]
        if missing:
            raise ValueError(f"it has no column {missing[0]!r}")
        self._columns = columns
        self._lines: dict[str, _Line] = {}
        self._index(self._end(0) if named else 0)

    @property
    def names(self) -> Collection[str]:
        """Of the images."""
        return self._lines.keys()

    def count(self, name: str) -> int:
        """Number of regions of an image."""
        return self._lines[name].count

    def read(self, name: str) -> Row:
        """The regions of an image."""
        line = self._lines[name]
        fields = self._bytes[line.start : line.end].rstrip(b"\r\n").split(b"\t")
        if len(fields) != len(self._columns):
            raise ValueError(f"its line has {len(fields)} of {len(self._columns)} columns")
        table = dict(zip(self._columns, fields, strict=True))
        boxes = _floats(_first(table, BOXES), "boxes")
        features = _floats(_first(table, FEATURES), "features")
        if boxes.size != 4 * line.count or features.size % line.count:
            raise ValueError(
                f"it has {line.count} regions, but {boxes.size} numbers of boxes, {features.size} of features"
            )
        size = None
        if set(WIDTHS) & table.keys() and set(HEIGHTS) & table.keys():
            size = (float(_first(table, WIDTHS)), float(_first(table, HEIGHTS)))
        return Row(features.reshape(line.count, -1), boxes.reshape(line.count, 4), size)

    def _end(self, start: int) -> int:
        """Where the line after this one begins."""
        newline = self._bytes.find(b"\n", start)
        return len(self._bytes) if newline < 0 else newline + 1

    def _index(self, position: int) -> None:
        count_at = self._columns.index(COUNT)
        name_at = next(i for i, column in enumerate(self._columns) if column in NAMES)
        before = max(count_at, name_at) + 1
        # Lines of equally many regions are equally long from there on: gigabytes are
        # skipped, not read.
        reach: dict[int, int] = {}
        number = 0
        while position < len(self._bytes):
            number += 1
            fields, after = [], position
            for _ in range(before):
                tab = self._bytes.find(b"\t", after, after + 65536)
                fields.append(self._bytes[after:tab] if tab >= 0 else b"")
                after = tab + 1
                if tab < 0:
                    break
            if (
                len(fields) != before
                or b"\n" in b"".join(fields)
                or not fields[count_at].isdigit()
                or not int(fields[count_at])
            ):
                if self._bytes[position : self._end(position)].strip():
                    raise ValueError(f"line {number} does not begin as one of an image with its regions")
                position = self._end(position)
                continue
            count = int(fields[count_at])
            end = after + reach.get(count, -1)
            if count not in reach or not (end <= len(self._bytes) and self._bytes[end - 1 : end] == b"\n"):
                end = self._end(after)
                reach.setdefault(count, end - after)
            # The same image a second time is in some of the published files; the first is as good.
            self._lines.setdefault(fields[name_at].decode("utf-8", "replace"), _Line(position, end, count))
            position = end


def _first(table: dict[str, bytes], names: tuple[str, ...]) -> bytes:
    return next(table[name] for name in names if name in table)


def _floats(text: bytes, what: str) -> np.ndarray:
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"its {what} are damaged ({error})") from None
    if len(content) % 4:
        raise ValueError(f"its {what} are damaged ({len(content)} bytes)")
    return np.frombuffer(content, "<f4")
