"""The AVE dataset's lists of events: `Category&VideoID&Quality&StartTime&EndTime`.

The copy of a video is 10 s long and is called by its id; an event is what can be seen and heard from start to end,
in seconds of that copy. Annotations.txt names all, trainSet.txt, valSet.txt and testSet.txt those of one split. Some
files begin with the names of the columns. A video may have several events, and one has none (0 to 0).

Reference: Tian et al., "Audio-visual event localization in unconstrained videos", 2018.
"""

from pathlib import Path

from avnet.errors import DataError
from data.table import first_line
from eval.readers.lists import rows
from eval.readers.lists.clip import LabelledClip

HEADER = "Category"
SPLITS = {"trainset": "train", "valset": "validation", "testset": "test"}
FILES = ("trainSet.txt", "valSet.txt", "testSet.txt")
ALL = "Annotations.txt"


def read_ave(path: str | Path) -> list[LabelledClip]:
    """Reads one list, or of the folder of the dataset its lists of splits, else that of all events.

    Raises:
        DataError: the file or the lists of the folder are missing, or a line has another form.
    """
    path = Path(path)
    if not path.is_dir():
        return rows.read_clips(path, "AVE", lambda row: _clip(row, rows.split_of(path, SPLITS)), "&")
    files = [path / name for name in FILES if (path / name).is_file()] or [path / ALL]
    if not files[0].is_file():
        raise DataError(path, f"holds none of {', '.join(FILES)} and {ALL}")
    return [clip for file in files for clip in read_ave(file)]


def names_ave(path: Path) -> bool:
    """Whether a file is such a list, by its first line."""
    return first_line(path).count("&") == 4


def _clip(row: list[str], split: str) -> LabelledClip | None:
    if len(row) != 5:
        raise ValueError(f"it must have 5 columns between &, got {len(row)}")
    category, video, _, start, end = row
    if category == HEADER:
        return None
    start_s, end_s = rows.seconds(start), rows.seconds(end)
    if end_s < start_s:
        raise ValueError(f"it ends at {end} s, before it begins")
    labels = (rows.nonempty(category, "category"),)
    return LabelledClip(rows.nonempty(video, "video"), labels, video, start_s, end_s - start_s, split)
