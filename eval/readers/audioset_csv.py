"""AudioSet's lists of segments: `YTID, start_seconds, end_seconds, "/m/a,/m/b"` below lines of comment (`#`).

Reference: Gemmeke et al., "Audio Set: an ontology and human-labeled dataset for audio events", 2017.
"""

import csv
from pathlib import Path

from avnet.errors import DataError
from eval.readers.clip import LabelledClip


def read_audioset(path: str | Path) -> list[LabelledClip]:
    """Reads a list of segments; the labels are ids of the ontology.

    Raises:
        DataError: the file is missing or a line has another form.
    """
    clips: list[LabelledClip] = []
    try:
        with Path(path).open(encoding="utf-8", newline="") as lines:
            # The quoted labels follow a comma and a space.
            for row in csv.reader(lines, skipinitialspace=True):
                if row and not row[0].startswith("#"):
                    video, start, end, labels = row
                    start_s, end_s = float(start), float(end)
                    clips.append(LabelledClip(video, start_s, end_s - start_s, tuple(labels.split(","))))
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from None
    except (ValueError, csv.Error) as error:
        raise DataError(
            path, f"line {len(clips) + 1} below the header is not a segment of AudioSet ({error})"
        ) from None
    return clips
