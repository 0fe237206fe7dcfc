"""ESC-50: 2,000 recordings of 5 s in 50 classes and five folds; ESC-10 are those of ten of the classes.

The list is meta/esc50.csv. It need not be there: the name of a file, `FOLD-SOURCE-TAKE-CLASS.wav`, has the fold, the
recording it is cut from and the number of the class. In files without the last (`FOLD-SOURCE-TAKE.ogg`, as in the first
versions of the dataset) the class is that of the folder right below the one that is read. Recordings of one source
are in one fold.

Reference: Piczak, "ESC: dataset for environmental sound classification", 2015.
"""

import re
from pathlib import Path

from avnet.errors import DataError
from avnet.files.tree import list_tree
from avnet.media.suffixes import SOUNDS
from data.table import names_columns
from eval.readers.lists import rows
from eval.readers.lists.clip import LabelledClip

META = ("meta/esc50.csv", "esc50.csv")
COLUMNS = {"filename": ("filename",), "fold": ("fold",), "category": ("category",), "esc10": ("esc10",)}
FILE = re.compile(r"(?P<fold>[1-9])-(?P<source>\d+)-(?P<take>[A-Z])(-(?P<target>\d+))?")
CLIP_S = 5.0
# By the numbers of the classes.
_NAMES = """
dog rooster pig cow frog cat hen insects sheep crow
rain sea_waves crackling_fire crickets chirping_birds water_drops wind pouring_water toilet_flush thunderstorm
crying_baby sneezing clapping breathing coughing footsteps laughing brushing_teeth snoring drinking_sipping
door_wood_knock mouse_click keyboard_typing door_wood_creaks can_opening washing_machine vacuum_cleaner clock_alarm
clock_tick glass_breaking
helicopter chainsaw siren car_horn engine train church_bells airplane fireworks hand_saw
"""
CATEGORIES = tuple(_NAMES.split())
ESC10 = frozenset((0, 1, 10, 11, 12, 20, 21, 38, 40, 41))


def read_esc50(path: str | Path, esc10: bool = False) -> list[LabelledClip]:
    """Reads meta/esc50.csv, or of a folder that list, else the names of its files; the split is the fold.

    Args:
        path: the list or the folder.
        esc10: take the classes of ESC-10 alone.

    Raises:
        DataError: the list has another form, or no file of the folder has such a name; of names without the number of
            the class nobody can tell which are of ESC-10.
    """
    path = Path(path)
    if not path.is_dir():
        return rows.read_table_clips(path, "ESC-50", COLUMNS, lambda cells: _clip(cells, esc10), ("esc10",))
    for name in META:
        if (path / name).is_file():
            return read_esc50(path / name, esc10)
    matches = [(file, FILE.fullmatch(file.stem)) for file in list_tree(path).files if file.suffix.lower() in SOUNDS]
    clips = [_named_clip(path, file, match, esc10) for file, match in matches if match]
    if not clips:
        raise DataError(path, "holds neither meta/esc50.csv nor a sound that is called FOLD-SOURCE-TAKE-CLASS")
    return [clip for clip in clips if clip is not None]


def names_esc50(path: Path) -> bool:
    """Whether a file is such a list, by its first line."""
    return names_columns(path, "filename", "fold", "category")


def _clip(cells: dict[str, str], esc10: bool) -> LabelledClip | None:
    name, fold, category = cells["filename"], cells["fold"], rows.nonempty(cells["category"], "category")
    if not fold.isdigit():
        raise ValueError(f"the fold must be a number, got {fold!r}")
    if esc10 and cells["esc10"].lower() not in ("true", "false"):
        raise ValueError(f"the column esc10 must be True or False, got {cells['esc10']!r}")
    if esc10 and cells["esc10"].lower() == "false":
        return None
    return LabelledClip(name, (category,), Path(rows.nonempty(name, "file")).stem, 0.0, CLIP_S, fold)


def _named_clip(folder: Path, file: Path, match: re.Match[str], esc10: bool) -> LabelledClip | None:
    place = file.relative_to(folder)
    if match["target"] is None:
        if len(place.parts) < 2:
            raise DataError(file, "has neither the number of its class in its name nor a folder that says it")
        if esc10:
            raise DataError(file, "has no number of its class in its name, so nobody can tell whether it is of ESC-10")
        label = place.parts[0]
    elif int(match["target"]) >= len(CATEGORIES):
        raise DataError(file, f"has a class of {match['target']}; those of ESC-50 are 0 to {len(CATEGORIES) - 1}")
    elif esc10 and int(match["target"]) not in ESC10:
        return None
    else:
        label = CATEGORIES[int(match["target"])]
    return LabelledClip(place.as_posix(), (label,), file.stem, 0.0, CLIP_S, match["fold"])
