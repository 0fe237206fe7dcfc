"""What the readers of lists share: rows to clips, with a refusal that names the row."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from avnet.errors import DataError
from data.table import read_rows, read_table, refuse_odd_bytes
from eval.readers.lists.clip import LabelledClip


def read_clips(
    path: str | Path, dataset: str, clip_of: Callable[[list[str]], LabelledClip | None], delimiter: str = ","
) -> list[LabelledClip]:
    """The clips of a list without a header.

    Args:
        path: the list.
        dataset: whose list it is, for refusals.
        clip_of: makes a clip of the cells of a row, or None of one that is none; raises ValueError where it cannot.
        delimiter: between cells.

    Raises:
        DataError: the file is missing, a row has another form, or there is no clip.
    """
    path = Path(path)
    return _clips(path, dataset, read_rows(path, delimiter), clip_of)


def read_table_clips(
    path: str | Path,
    dataset: str,
    columns: Mapping[str, Sequence[str]],
    clip_of: Callable[[dict[str, str]], LabelledClip | None],
    optional: Sequence[str] = (),
) -> list[LabelledClip]:
    """The clips of a list whose first row names its columns.

    Args:
        path: the list.
        dataset: whose list it is, for refusals.
        columns: for each column the names that it may have.
        clip_of: makes a clip of the cells of a row, without spaces about them, as in `read_clips`.
        optional: columns that need not be there.

    Raises:
        DataError: the file is missing, lacks a column, a row has another form, or there is no clip.
    """
    path = Path(path)
    rows = []
    for line in read_table(path, columns, optional):
        if line.reason:
            raise DataError(path, f"row {line.number} {line.reason}")
        refuse_odd_bytes(path, line.number, line.cells.values())
        rows.append((line.number, {column: cell.strip() for column, cell in line.cells.items()}))
    return _clips(path, dataset, rows, clip_of)


def seconds(text: str) -> float:
    """A time in a list.

    Raises:
        ValueError: it is no finite number from 0 on.
    """
    value = float(text)
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{text!r} is no time in seconds")
    return value


def nonempty(text: str, what: str) -> str:
    """A cell that must not be empty.

    Raises:
        ValueError: it is.
    """
    if not text:
        raise ValueError(f"it has no {what}")
    return text


def split_of(path: str | Path, splits: Mapping[str, str]) -> str:
    """The split of which a file is the list, by the first of some parts that its name has; empty where it has none.

    Args:
        path: the list.
        splits: part of the name, in lower case -> split.
    """
    name = Path(path).name.lower()
    return next((split for part, split in splits.items() if part in name), "")


def _clips(path: Path, dataset: str, rows, clip_of: Callable) -> list[LabelledClip]:
    clips = []
    for number, row in rows:
        try:
            clip = clip_of(row)
        except ValueError as error:
            raise DataError(path, f"row {number} is not a clip of {dataset} ({error})") from None
        if clip is not None:
            clips.append(clip)
    if not clips:
        raise DataError(path, f"names no clip of {dataset}")
    return clips
