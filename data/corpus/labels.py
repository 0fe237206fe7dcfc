"""Labels of videos, for evaluation alone: they lie beside the records, never in them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from avnet.errors import DataError
from avnet.files.json_file import read_json
from avnet.files.storage import Folder
from data.names import match_names, why_none
from data.table import read_table, refuse_odd_bytes

FILE = "labels.json"
COLUMNS = ("file", "label")
Labels = TypeVar("Labels", bound=Sequence[str])


def read_labels_csv(path: str | Path) -> dict[str, list[str]]:
    """Labels by file from a table with the header `file,label`; a file may have several rows, an empty label none.

    Raises:
        DataError: the file is missing, has other columns, or a row that names no file, has no cell for the label or is
            not UTF-8.
    """
    path, labels = Path(path), {}
    for line in read_table(path, {name: (name,) for name in COLUMNS}):
        name, label = (line.cells.get(column, "").strip() for column in COLUMNS)
        if line.reason or not name:
            raise DataError(path, f"row {line.number} {line.reason or 'names no file'}")
        refuse_odd_bytes(path, line.number, (name, label))
        of_file = labels.setdefault(name, [])
        if label and label not in of_file:
            of_file.append(label)
    return labels


def match_labels(names: Sequence[str], labels: Mapping[str, Labels]) -> list[Labels | list[str]]:
    """Labels of each video, as `data.names.match_names` finds it in the list; none where the list does not tell.

    Args:
        names: of the videos.
        labels: by name.
    """
    return [[] if row is None else labels[row] for row in match_names(names, labels)]


def check_labels(path: str | Path, labels: Mapping[str, Labels], names: Sequence[str]) -> None:
    """Refuses a list that names none of the videos.

    Raises:
        DataError: shows which names were looked for and which are there.
    """
    if not any(row is not None for row in match_names(names, labels)):
        raise DataError(path, f"names none of the {len(names)} videos: {why_none(labels, names)}")


def write_labels(out: Folder, labels: dict[str, list[str]], names: Iterable[str]) -> str:
    """Writes the labels of the prepared videos; a name that the list lacks has none and is counted by evaluation.

    Returns:
        How many videos have labels, in words.
    """
    names = sorted(names)
    rows = match_names(names, labels)
    matches = {name: [] if row is None else labels[row] for name, row in zip(names, rows, strict=True)}
    out.write_text(FILE, json.dumps(matches, indent=1, ensure_ascii=False) + "\n")
    in_list, with_label = len(names) - rows.count(None), sum(map(bool, matches.values()))
    unused = len(set(labels) - set(rows))
    more = f"; {unused} of the {len(labels)} names in the list are not among these" if unused else ""
    return f"labels: {in_list} of {len(names)} videos are in the list, {with_label} with a label{more}"


def read_labels(path: str | Path) -> dict[str, list[str]]:
    """Labels by name, from a folder of records or a `labels.json`.

    Raises:
        DataError: there are none.
    """
    path = Path(path)
    file = path / FILE if path.is_dir() else path
    try:
        return {str(name): list(map(str, of_file)) for name, of_file in read_json(file).items()}
    except FileNotFoundError:
        raise DataError(file, "is missing; run `data prepare` with --labels") from None
    except OSError as error:
        raise DataError(file, f"cannot be read ({error.strerror})") from None
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(file, f"is damaged ({error})") from None
