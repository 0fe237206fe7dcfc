"""Captions as lists name them, and those that can be used."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from avnet.units.words import words
from data.images.splits import ImageSplits
from data.left_out import LeftOut
from data.names import why_no_file


@dataclass(frozen=True)
class Row:
    """What a list says of one caption; nothing is checked yet.

    Attributes:
        place: where it says so, in words; no two rows share it.
        image: path.
        text: the caption.
        split: as the list calls it; empty where it does not say.
        key: what tells a caption from others of its image, as its number; where it is empty, the text does.
        reason: why the row cannot be used; empty where nothing is known against it.
    """

    place: str
    image: Path = Path()
    text: str = ""
    split: str = ""
    key: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Caption:
    """An image and what somebody wrote about it.

    Attributes:
        image: a file.
        text: in one line.
        split: 'train', 'validation' or 'test'; the same for all captions of an image.
    """

    image: Path
    text: str
    split: str


def check_rows(rows: Iterable[Row], max_words: int) -> tuple[list[Caption], list[LeftOut]]:
    """Checks rows one by one; splits are those of `ImageSplits`.

    Args:
        rows: of a corpus.
        max_words: that a caption may have.

    Returns:
        The captions that can be used, in their order, and the others.
    """
    usable: list[tuple[Row, str]] = []
    left_out: list[LeftOut] = []
    owners: dict[tuple[Path, str], str] = {}
    files: dict[Path, str] = {}
    splits = ImageSplits()
    for row in rows:
        text = " ".join(row.text.replace("\0", " ").split())
        key = row.image, row.key or text
        if row.image not in files and not row.reason:
            files[row.image] = why_no_file(row.image)
        if reason := row.reason or _why_no_caption(text, max_words):
            left_out.append(LeftOut(row.place, "", reason))
        elif reason := files[row.image] or splits.why_not(row.image, row.split):
            left_out.append(LeftOut(row.place, str(row.image), reason))
        elif key in owners:
            left_out.append(LeftOut(row.place, str(row.image), f"has this caption from {owners[key]} already"))
        else:
            owners[key] = row.place
            splits.note(row.image, row.split)
            usable.append((row, text))
    captions = []
    for row, text in usable:
        split, reason = splits.of(row.image)
        if split:
            captions.append(Caption(row.image, text, split))
        else:
            left_out.append(LeftOut(row.place, str(row.image), reason))
    return captions, left_out


def _why_no_caption(text: str, max_words: int) -> str:
    if not text:
        return "has no caption"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "its caption is not UTF-8"
    count = len(words(text))
    if not count:
        return f"has no word in its caption {text[:20]!r}"
    return f"its caption has {count} words; {max_words} are the limit" if count > max_words else ""
