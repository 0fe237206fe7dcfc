"""AudioSet's lists of segments: `YTID, start_seconds, end_seconds, "/m/a,/m/b"` below lines of comment (`#`).

Reference: Gemmeke et al., "Audio Set: an ontology and human-labeled dataset for audio events", 2017.
"""

from pathlib import Path

from avnet.errors import DataError
from data.table import read_rows
from eval.readers.clip import LabelledClip


def read_audioset(path: str | Path) -> list[LabelledClip]:
    """Reads a list of segments; the labels are ids of the ontology.

    Raises:
        DataError: the file is missing or a line has another form.
    """
    clips: list[LabelledClip] = []
    for number, row in read_rows(Path(path)):
        try:
            video, start, end, labels = row
            start_s, end_s = float(start), float(end)
        except ValueError as error:
            raise DataError(path, f"row {number} is not a segment of AudioSet ({error})") from None
        clips.append(LabelledClip(video, start_s, end_s - start_s, tuple(label.strip() for label in labels.split(","))))
    return clips
