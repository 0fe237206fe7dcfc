"""Labels of videos, for evaluation alone: they lie beside the records, never in them."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from avnet.errors import DataError
from avnet.whole import write_text

FILE = "labels.json"


def read_labels_csv(path: str | Path) -> dict[str, list[str]]:
    """Labels by file from a CSV with the header `file,label`; a file may have several rows, an empty label none.

    Raises:
        DataError: the file is missing or has other columns.
    """
    labels: dict[str, list[str]] = {}
    try:
        with Path(path).open(newline="") as file:
            reader = csv.DictReader(file)
            if not {"file", "label"} <= set(reader.fieldnames or ()):
                raise DataError(path, f"wants the columns file,label, has {','.join(reader.fieldnames or ['none'])}")
            for row in reader:
                found = labels.setdefault(row["file"], [])
                if row["label"] and row["label"] not in found:
                    found.append(row["label"])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, f"cannot be read ({error})") from None
    return labels


def write_labels(data_dir: Path, labels: dict[str, list[str]], names: Iterable[str]) -> None:
    """Keeps the labels of the prepared videos; a name that the CSV lacks has none and is counted by evaluation."""
    by_base = {Path(name).name: found for name, found in labels.items()}
    kept = {name: labels.get(name, by_base.get(Path(name).name, [])) for name in sorted(names)}
    write_text(data_dir / FILE, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def read_labels(path: str | Path) -> dict[str, list[str]]:
    """Labels by name, from a folder of records or a `labels.json`.

    Raises:
        DataError: there are none.
    """
    path = Path(path)
    file = path / FILE if path.is_dir() else path
    try:
        return {str(name): list(map(str, found)) for name, found in json.loads(file.read_text()).items()}
    except OSError:
        raise DataError(file, "is missing; run `data prepare` with --labels") from None
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(file, f"is damaged ({error})") from None
