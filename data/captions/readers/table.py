"""Captions in tables with the header image,caption and, where it is known, split."""

from pathlib import Path

from data.captions.readers.row import Row
from data.images.finder import ImageFinder
from data.names import path_of, why_no_file
from data.spoken.readers.csv_corpus import IMAGE
from data.table import Line, place_of, read_table

CAPTION = ("caption", "text")


def table_rows(path: Path, finder: ImageFinder, images: Path | None = None) -> list[Row]:
    """The rows of one table.

    Args:
        path: the table.
        finder: of the images.
        images: where they lie; None for names that are relative to the table, or absolute, or found in usual folders.

    Raises:
        DataError: it cannot be read or lacks a column.
    """
    names = {"image": IMAGE, "caption": CAPTION, "split": ("split",)}
    return [_row(path, line, finder, images) for line in read_table(path, names, ("split",))]


def _row(path: Path, line: Line, finder: ImageFinder, images: Path | None) -> Row:
    place, name = place_of(path, line), line.cells.get("image", "").strip()
    if line.reason:
        return Row(place, reason=line.reason)
    if not name or "\0" in name:
        return Row(place, reason="has a NUL byte in the name of its image" if name else "names no image")
    own, reason = path_of(path.parent, name), ""
    # A table without a folder of images is its writer's own, and may name any file.
    if images is not None or why_no_file(own):
        file, reason = finder.find(name)
        own, reason = (file, reason) if images is not None or not (reason or why_no_file(file)) else (own, "")
    return Row(place, own, line.cells["caption"], line.cells["split"].strip(), reason=reason)
