"""Kinetics-Sounds: the clips of Kinetics whose class can be heard; the lists are those of Kinetics itself.

A list has the columns label, youtube_id, time_start, time_end and split, and in some versions is_cc. Of the 34 classes
of the paper 31 are in the published Kinetics-400, some under other names; "fingerpicking", "patting" and "typing" are
not. Both spellings are taken, clips of other classes are not.

Reference: Arandjelovic and Zisserman, "Look, Listen and Learn", 2017, appendix; Kay et al., "The Kinetics human action
video dataset", 2017.
"""

from pathlib import Path

from data.table import names_columns
from eval.readers.lists import rows
from eval.readers.lists.clip import LabelledClip

# As the paper calls them -> as Kinetics does; all others have one name.
RENAMED = {
    "blowing out": "blowing out candles",
    "dribbling ball": "dribbling basketball",
    "mowing the lawn by pushing lawnmower": "mowing lawn",
    "stomping": "stomping grapes",
}
CLASSES = frozenset(
    (
        "blowing nose",
        "bowling",
        "chopping wood",
        "ripping paper",
        "shuffling cards",
        "singing",
        "tapping pen",
        "typing",
        "laughing",
        "shoveling snow",
        "tap dancing",
        "tapping guitar",
        "tickling",
        "fingerpicking",
        "patting",
        *(
            f"playing {instrument}"
            for instrument in (
                *("accordion", "bagpipes", "bass guitar", "clarinet", "drums", "guitar", "harmonica", "keyboard"),
                *("organ", "piano", "saxophone", "trombone", "trumpet", "violin", "xylophone"),
            )
        ),
        *RENAMED.values(),
    )
)
SPLITS = {"train": "train", "val": "validation", "validate": "validation", "validation": "validation", "test": "test"}
COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")


def read_kinetics_sounds(path: str | Path) -> list[LabelledClip]:
    """Reads a list of Kinetics and takes the clips of Kinetics-Sounds.

    Raises:
        DataError: the file is missing, has other columns or a row of another form, or no clip of these classes.
    """
    columns = {column: (column,) for column in COLUMNS}
    return rows.read_table_clips(path, "Kinetics-Sounds", columns, _clip)


def names_kinetics(path: Path) -> bool:
    """Whether a file is such a list, by its first line."""
    return names_columns(path, *COLUMNS)


def _clip(cells: dict[str, str]) -> LabelledClip | None:
    video, start_s, end_s = cells["youtube_id"], rows.seconds(cells["time_start"]), rows.seconds(cells["time_end"])
    if end_s <= start_s:
        raise ValueError(f"it ends at {end_s:g} s, before it begins")
    if cells["split"] not in SPLITS:
        raise ValueError(f"the split must be one of {', '.join(SPLITS)}, got {cells['split']!r}")
    label = rows.nonempty(cells["label"], "label").replace("_", " ")
    label = RENAMED.get(label, label)
    if label not in CLASSES:
        return None
    name = f"{rows.nonempty(video, 'video')}_{int(start_s):06d}_{int(end_s):06d}"
    return LabelledClip(video, (label,), name, start_s, end_s - start_s, SPLITS[cells["split"]])
