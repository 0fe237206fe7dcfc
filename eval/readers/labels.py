"""Classes of clips by name, from any list that the readers know; only evaluation reads them."""

from pathlib import Path

from avnet.errors import DataError
from data.corpus import labels as prepared
from data.table import begins_with_comment, names_columns
from eval.readers.audioset_csv import read_audioset
from eval.readers.vggsound_csv import read_vggsound


def read_labels(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Reads name -> classes.

    Args:
        path: `labels.json` ({name: [classes]}) or the folder of records that holds it, a CSV with the columns
            file and label, a list of AudioSet segments (its first line begins with `#`) or a list of VGGSound
            clips.

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
        clips = read_audioset(path) if begins_with_comment(path) else read_vggsound(path)
        by_name = {clip.name: clip.labels for clip in clips}
    labels = {name: tuple(classes) for name, classes in by_name.items() if classes}
    if not labels:
        raise DataError(path, "names no class of any clip")
    return labels
