"""VGGSound's lists of clips, in two published forms.

* four columns: YouTube id, start in seconds, label, split;
* two columns: file (`ID_000030.mp4`), label.

A clip lasts 10 s. Labels hold commas and are then quoted.

Reference: Chen et al., "VGGSound: a large-scale audio-visual dataset", 2020.
"""

import csv
from pathlib import Path

from data.table import first_line
from eval.readers.lists import rows
from eval.readers.lists.clip import LabelledClip

CLIP_S = 10.0


def read_vggsound(path: str | Path) -> list[LabelledClip]:
    """Reads a list of clips in either form; the labels are names.

    Raises:
        DataError: the file is missing or a line has another form.
    """
    return rows.read_clips(path, "VGGSound", _clip)


def names_vggsound(path: Path) -> bool:
    """Whether a file is such a list, by its first line."""
    try:
        _clip(next(csv.reader([first_line(path)], skipinitialspace=True), []))
    except ValueError:
        return False
    return True


def _clip(row: list[str]) -> LabelledClip:
    cells = [cell.strip() for cell in row]
    if len(cells) == 4:
        video, start, label, split = cells
    elif len(cells) == 2:
        # The id itself may hold underscores; the start is what follows the last one.
        video, _, start = cells[0].removesuffix(".mp4").rpartition("_")
        label, split = cells[1], ""
        if not video or not start.isdigit():
            raise ValueError(f"the file {cells[0]!r} has no ID_SECONDS")
    else:
        raise ValueError(f"it must have 2 or 4 columns, got {len(cells)}")
    start_s = rows.seconds(start)
    name = f"{rows.nonempty(video, 'video')}_{int(start_s):06d}"
    return LabelledClip(video, (rows.nonempty(label, "label"),), name, start_s, CLIP_S, split)
