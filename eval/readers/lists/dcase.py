"""Acoustic scenes of the DCASE challenges (TUT and TAU), one recording a row.

* since 2018: meta.csv, cells between tabs, whose first row names `filename` and `scene_label`;
* 2016 and 2017: meta.txt, file and scene between tabs, without such a row; further cells are not read;
* 2013 has no list: the scene is the name of the file without its two digits (`bus01.wav`).

The lists of evaluation_setup have the same forms; their names say the split (fold1_train, fold1_test, fold1_evaluate),
and fold1_test keeps the scenes to itself.

Reference: Mesaros, Heittola and Virtanen, "TUT database for acoustic scene classification and sound event detection",
2016; Giannoulis et al., "Detection and classification of acoustic scenes and events", 2013.
"""

import re
from pathlib import Path

from avnet.errors import DataError
from avnet.files.tree import list_tree
from avnet.media.suffixes import SOUNDS
from data.table import first_line, names_columns
from eval.readers.lists import rows
from eval.readers.lists.clip import LabelledClip

META = ("meta.csv", "meta.txt")
SPLITS = {"_train": "train", "_test": "test", "_evaluate": "test"}
COLUMNS = {"file": ("filename", "file"), "scene": ("scene_label",)}
FILE_2013 = re.compile(r"(?P<scene>[a-z]+)\d\d")


def read_dcase(path: str | Path) -> list[LabelledClip]:
    """Reads a list, or of a folder meta.csv or meta.txt, else the names of its files.

    Raises:
        DataError: the list is missing or has another form, or no file of the folder has such a name.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path)
    split = rows.split_of(path, SPLITS)
    if names_columns(path, "filename"):
        return rows.read_table_clips(path, "DCASE", COLUMNS, lambda cells: _clip(split, **cells), ("scene",))
    return rows.read_clips(path, "DCASE", lambda cells: _clip(split, *cells), "\t")


def names_dcase(path: Path) -> bool:
    """Whether a file is such a list, by its first line."""
    cells = first_line(path).split("\t")
    return names_columns(path, "filename", "scene_label") or (len(cells) > 1 and Path(cells[0]).suffix in SOUNDS)


def _read_folder(folder: Path) -> list[LabelledClip]:
    for name in META:
        if (folder / name).is_file():
            return read_dcase(folder / name)
    files = [file.relative_to(folder) for file in list_tree(folder).files if file.suffix.lower() in SOUNDS]
    matches = [(file, FILE_2013.fullmatch(file.stem)) for file in files]
    clips = [_clip("", file.as_posix(), match["scene"]) for file, match in matches if match]
    if not clips:
        raise DataError(folder, f"holds none of {', '.join(META)}, nor a sound that is called SCENE01")
    return clips


def _clip(split: str, file: str, scene: str = "", *_: str) -> LabelledClip:
    if Path(file).suffix.lower() not in SOUNDS:
        raise ValueError(f"{file!r} is not the name of a sound")
    # Only the lists of what is to be predicted have no scenes.
    if not scene and split != "test":
        raise ValueError("it has no scene")
    return LabelledClip(file, (scene,) if scene else (), Path(file).stem, split=split)
