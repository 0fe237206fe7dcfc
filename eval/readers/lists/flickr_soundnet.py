"""Flickr-SoundNet's lists of names: `NAME,number` or `NAME`, a line each, or the folder of its annotations.

The 250 of the published test are flickr_test.csv of Chen et al., 2021; training sets are plain lists of names. There
are no classes. A clip is an image and a sound, or a video, called by its name.

Reference: Senocak et al., "Learning to localize sound source in visual scenes", 2018; Aytar et al., "SoundNet", 2016.
"""

import re
from pathlib import Path

from avnet.errors import DataError
from eval.readers.lists import rows
from eval.readers.lists.clip import LabelledClip

SPLITS = {"test": "test", "train": "train"}
NAME = re.compile(r"\d+")


def read_flickr_soundnet_list(path: str | Path) -> list[LabelledClip]:
    """Reads a list of names, or the names of the annotations in a folder.

    Raises:
        DataError: the file is missing or a line has another form, or the folder has no annotation.
    """
    path = Path(path)
    if not path.is_dir():
        return rows.read_clips(path, "Flickr-SoundNet", lambda row: _clip(row, rows.split_of(path, SPLITS)))
    names = sorted(file.stem for file in path.glob("*.xml"))
    if not names:
        raise DataError(path, "holds no NAME.xml")
    return [LabelledClip(name, (), name, split="test") for name in names]


def _clip(row: list[str], split: str) -> LabelledClip:
    if len(row) > 2 or not NAME.fullmatch(row[0]):
        raise ValueError(f"it must be a number of Flickr, and at most one more, got {','.join(row)!r}")
    return LabelledClip(row[0], (), row[0], split=split)
