"""Labels of videos, for evaluation alone: they lie beside the records, never in them."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from avnet.errors import DataError
from avnet.files.json_file import read_json
from data.storage import Folder

FILE = "labels.json"
Labels = TypeVar("Labels", bound=Sequence[str])


def read_labels_csv(path: str | Path) -> dict[str, list[str]]:
    """Labels by file from a CSV with the header `file,label`; a file may have several rows, an empty label none.

    Raises:
        DataError: the file is missing or has other columns.
    """
    labels: dict[str, list[str]] = {}
    if Path(path).exists() and not Path(path).is_file():
        raise DataError(path, "is not a regular file")
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"file", "label"} <= set(reader.fieldnames or ()):
                raise DataError(
                    path, f"must have the columns file and label, but has {','.join(reader.fieldnames or ['none'])}"
                )
            for row in reader:
                of_file = labels.setdefault(row["file"], [])
                if row["label"] and row["label"] not in of_file:
                    of_file.append(row["label"])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, f"cannot be read ({error})") from None
    return labels


def match_labels(names: Sequence[str], labels: Mapping[str, Labels]) -> list[Labels | list[str]]:
    """Labels of each video; none where the list does not tell.

    The list may leave out the folders of a file, or its folders and suffix, where one row and one video alone have
    what is left of the name.

    Args:
        names: of the videos.
        labels: by name.
    """
    matches: list[Labels | list[str]] = [labels.get(name, []) for name in names]
    for short in (lambda name: Path(name).name, lambda name: Path(name).stem):
        rows, videos = (Counter(map(short, group)) for group in (labels, names))
        unique = {short(name): value for name, value in labels.items() if rows[short(name)] == 1}
        for i, name in enumerate(names):
            if name not in labels and not matches[i] and videos[short(name)] == 1:
                matches[i] = unique.get(short(name), [])
    return matches


def write_labels(out: Folder, labels: dict[str, list[str]], names: Iterable[str]) -> None:
    """Keeps the labels of the prepared videos; a name that the CSV lacks has none and is counted by evaluation."""
    names = sorted(names)
    matches = dict(zip(names, match_labels(names, labels), strict=True))
    out.write_text(FILE, json.dumps(matches, indent=1, ensure_ascii=False) + "\n")


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
