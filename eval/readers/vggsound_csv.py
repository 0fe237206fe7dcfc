"""VGGSound's lists of clips, in two published forms.

* four columns: YouTube id, start in seconds, label, split;
* two columns: file (`ID_000030.mp4`), label.

A clip lasts 10 s. Labels hold commas and are then quoted.

Reference: Chen et al., "VGGSound: a large-scale audio-visual dataset", 2020.
"""

from pathlib import Path

from avnet.errors import DataError
from data.table import read_rows
from eval.readers.clip import LabelledClip

CLIP_S = 10.0


def read_vggsound(path: str | Path) -> list[LabelledClip]:
    """Reads a list of clips in either form; the labels are names.

    Raises:
        DataError: the file is missing or a line has another form.
    """
    clips: list[LabelledClip] = []
    for number, row in read_rows(Path(path)):
        try:
            clips.append(_clip(row))
        except ValueError as error:
            raise DataError(path, f"row {number} is not a clip of VGGSound ({error})") from None
    return clips


def _clip(row: list[str]) -> LabelledClip:
    if len(row) == 4:
        video, start, label, split = row
        return LabelledClip(video, float(start), CLIP_S, (label,), split)
    if len(row) == 2:
        # The id itself may hold underscores; the start is what follows the last one.
        video, _, start = row[0].removesuffix(".mp4").rpartition("_")
        if not video or not start.isdigit():
            raise ValueError(f"the file {row[0]!r} has no ID_SECONDS")
        return LabelledClip(video, float(start), CLIP_S, (row[1],))
    raise ValueError(f"it must have 2 or 4 columns, got {len(row)}")
