"""Descriptions: an image, a recording of what somebody said about it, and the split both lie in."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from data.images.splits import ImageSplits
from data.left_out import LeftOut
from data.names import why_no_file


@dataclass(frozen=True)
class Description:
    """An image and what was said about it; no text.

    Attributes:
        image: a jpg or png file.
        recording: a sound file.
        speaker: a name, the same for all that one person says; None where nobody knows.
        split: 'train', 'validation' or 'test'; the same for all descriptions of an image.
    """

    image: Path
    recording: Path
    speaker: str | None
    split: str


@dataclass(frozen=True)
class Row:
    """What a corpus says of one recording; nothing is checked yet.

    Attributes:
        place: where it says so, in words; no two rows share it.
        image: path.
        recording: path.
        speaker: or None.
        split: as the corpus calls it; empty where it does not say.
        reason: why the row cannot be used; empty where nothing is known against it.
    """

    place: str
    image: Path = Path()
    recording: Path = Path()
    speaker: str | None = None
    split: str = ""
    reason: str = ""


def check_rows(rows: Iterable[Row]) -> tuple[list[Description], list[LeftOut]]:
    """Checks rows one by one.

    A recording tells of one image, and an image lies in one split: the first row decides, later ones that say
    otherwise are left out. An image of which no row names a split gets one from the SHA-256 of its content, .8 of
    them train, .1 validation and .1 test; copies of an image stay together.

    Returns:
        The rows that can be used, in their order, and the others.
    """
    rows_left, left_out = [], []
    owners: dict[Path, str] = {}
    splits = ImageSplits()
    for row in rows:
        if refusal := _refusal(row, owners, splits):
            left_out.append(LeftOut(row.place, *refusal))
            continue
        owners[row.recording] = row.place
        splits.note(row.image, row.split)
        rows_left.append(row)
    descriptions = []
    for row in rows_left:
        split, reason = splits.of(row.image)
        if split:
            descriptions.append(Description(row.image, row.recording, row.speaker, split))
        else:
            left_out.append(LeftOut(row.place, str(row.image), reason))
    return descriptions, left_out


def _refusal(row: Row, owners: dict[Path, str], splits: ImageSplits) -> tuple[str, str] | None:
    """The file and what is wrong with it."""
    if row.reason:
        return "", row.reason
    for file in (row.image, row.recording):
        if reason := why_no_file(file):
            return str(file), reason
    if row.recording in owners:
        return str(row.recording), f"is the recording of {owners[row.recording]} already"
    reason = splits.why_not(row.image, row.split)
    return (str(row.image), reason) if reason else None
