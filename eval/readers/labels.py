"""Classes of clips by name, from any list that the readers know; only evaluation reads them."""

from pathlib import Path

from avnet.errors import DataError
from data.corpus import labels as prepared
from data.table import names_columns
from eval.readers.lists.registry import READERS, reader_of


def read_labels(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Reads name -> classes.

    Args:
        path: `labels.json` ({name: [classes]}) or the folder of records that holds it, a CSV with the columns
            file and label, or a list of a dataset of `eval.readers.lists`, which is known by its first line.

    Raises:
        DataError: the file is missing, names no class or has another form.
    """
    path = Path(path)
    # To open a FIFO would wait forever for somebody to write into it.
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise DataError(path, "is neither a regular file nor a folder")
    if path.is_dir() or path.suffix.lower() == ".json":
        by_name = prepared.read_labels(path)
    elif names_columns(path, *prepared.COLUMNS):
        by_name = prepared.read_labels_csv(path)
    else:
        by_name = _read_list(path)
    labels = {name: tuple(classes) for name, classes in by_name.items() if classes}
    if not labels:
        raise DataError(path, "names no class of any clip")
    return labels


def _read_list(path: Path) -> dict[str, list[str]]:
    reader = reader_of(path)
    if reader is None:
        titles = ", ".join(reader.title for reader in READERS.values() if reader.recognizes)
        raise DataError(path, f"has neither the columns file and label nor the form of a list of {titles}")
    labels: dict[str, list[str]] = {}
    for clip in reader.read(path):
        # Of a video that has several events, a line each.
        classes = labels.setdefault(clip.name, [])
        classes += [label for label in clip.labels if label not in classes]
    return labels
