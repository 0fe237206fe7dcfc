"""VGG-SS: boxes of what sounds on one frame of each of 5,158 clips of VGGSound.

The annotation is a list of {"file": "YOUTUBEID_000032", "class": ..., "bbox": [[x0, y0, x1, y1], ...]}. The frame is
the one at 5.0 s, whatever length a copy of the clip has; an entry may name another time as "frame_time_s". Some
published corners lie outside the frame (one is -2.9e16) and two files have boxes without any area; corners
are clipped, as in all public code, and such files stay in the test, where no heatmap can be right.

Reference: Chen et al., "Localizing visual sounds the hard way", 2021.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avnet.errors import DataError
from avnet.files.json_file import read_json
from eval.readers.media import MediaFolder
from eval.readers.scene import Corpus, Region, Scene

# When the annotated frame is shown, seconds from the start of a clip.
MOMENT_S = 5.0


@dataclass(frozen=True)
class Entry:
    """The annotation of one clip.

    Attributes:
        name: of the file, without its suffix.
        label: class of what sounds.
        boxes: [x0, y0, x1, y1] in fractions of the frame.
        moment_s: when the annotated frame is shown, seconds from the start.
    """

    name: str
    label: str
    boxes: list[list[float]]
    moment_s: float


def read_vggss(annotations: str | Path, folder: str | Path) -> Corpus:
    """Reads the annotation file and finds its videos.

    Args:
        annotations: `vggss.json`.
        folder: with `FILE.mp4`, or `FILE.jpg` and `FILE.wav`, at any depth.

    Raises:
        DataError: the annotation has another form, or none of its files is there.
    """
    media = MediaFolder(folder)
    scenes: list[Scene] = []
    missing: list[str] = []
    flat: list[str] = []
    for entry in read_entries(annotations):
        # Named, and kept in the test, as in all public code.
        if not any(_has_area(box) for box in entry.boxes):
            flat.append(entry.name)
        files = media.find(entry.name)
        if files is None:
            missing.append(entry.name)
            continue
        regions = tuple(Region(np.array([box], float)) for box in entry.boxes)
        # All boxes are one annotation: their union is the truth, so one vote is enough.
        classes = (entry.label,)
        scenes.append(Scene(entry.name, *files, entry.label, classes, regions, moment_s=entry.moment_s))
    if not scenes:
        raise DataError(folder, f"holds none of the {len(missing)} files of {annotations}: {media.why_none(missing)}")
    return Corpus(scenes, missing, {"boxes without area": flat} if flat else {})


def read_entries(annotations: str | Path) -> list[Entry]:
    """Every entry of `vggss.json`.

    Raises:
        DataError: the file is missing or has another form.
    """
    try:
        entries = [_entry(values) for values in read_json(annotations)]
    except OSError as error:
        raise DataError(annotations, f"cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(annotations, f"is not a VGG-SS annotation, a list of file, class and bbox ({error})") from None
    if not all(len(box) == 4 and np.all(np.isfinite(box)) for entry in entries for box in entry.boxes):
        raise DataError(annotations, "has a box that is not four finite numbers")
    if not all(0 <= entry.moment_s < np.inf for entry in entries):
        raise DataError(annotations, "has a frame_time_s that is not a number of seconds from 0")
    return entries


def _entry(values: Mapping[str, Any]) -> Entry:
    boxes = [[float(value) for value in box] for box in values["bbox"]]
    return Entry(str(values["file"]), str(values["class"]), boxes, float(values.get("frame_time_s", MOMENT_S)))


def _has_area(box: list[float]) -> bool:
    x0, y0, x1, y1 = np.clip(box, 0.0, 1.0)
    return bool(x1 > x0 and y1 > y0)
