"""AudioSet's lists of segments: `YTID, start_seconds, end_seconds, "/m/a,/m/b"` below lines of comment (`#`).

The files are called eval_segments.csv, balanced_train_segments.csv and unbalanced_train_segments.csv, which says the
split. Labels are ids of the ontology; their names are in class_labels_indices.csv or ontology.json.

Reference: Gemmeke et al., "Audio Set: an ontology and human-labeled dataset for audio events", 2017.
"""

from pathlib import Path

from data.table import first_line, read_table
from eval.readers.lists import rows
from eval.readers.lists.clip import LabelledClip

SPLITS = {"train": "train", "eval": "test"}


def read_audioset(path: str | Path) -> list[LabelledClip]:
    """Reads a list of segments.

    Raises:
        DataError: the file is missing or a line has another form.
    """
    split = rows.split_of(path, SPLITS)

    def clip(row: list[str]) -> LabelledClip:
        if len(row) != 4:
            raise ValueError(f"it must have 4 columns, got {len(row)}")
        video, start, end, ids = row
        start_s, end_s = rows.seconds(start), rows.seconds(end)
        if end_s <= start_s:
            raise ValueError(f"it ends at {end} s, before it begins")
        labels = tuple(rows.nonempty(label.strip(), "label") for label in ids.split(","))
        name = f"{rows.nonempty(video, 'video')}_{int(start_s):06d}"
        return LabelledClip(video, labels, name, start_s, end_s - start_s, split)

    return rows.read_clips(path, "AudioSet", clip)


def names_audioset(path: Path) -> bool:
    """Whether a file is such a list, by its first line."""
    return first_line(path).startswith("#")


def read_class_names(path: Path) -> dict[str, str]:
    """Id -> name, from class_labels_indices.csv (or the map of classes of YAMNet, which has its form).

    Raises:
        DataError: the file is missing or has other columns.
    """
    lines = read_table(path, {"id": ("mid",), "name": ("display_name",)})
    return {line.cells["id"]: line.cells["name"] for line in lines if not line.reason}
