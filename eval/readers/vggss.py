"""VGG-SS: boxes of what sounds on the middle frame of 5,158 clips of VGGSound.

The annotation is a list of {"file": "YOUTUBEID_000032", "class": ..., "bbox": [[x0, y0, x1, y1], ...]}. Some
published corners lie outside the frame (one is -2.9e16) and two files have boxes without any area; corners
are clipped, as in all public code, and such files stay in the test, where no heatmap can be right.

Reference: Chen et al., "Localizing visual sounds the hard way", 2021.
"""

from pathlib import Path

import numpy as np

from avnet.errors import DataError
from avnet.files.json_file import read_json
from eval.readers.scene import Corpus, MediaFolder, Region, Scene


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
    for name, label, boxes in read_boxes(annotations):
        if not any(_has_area(box) for box in boxes):
            flat.append(name)
        found = media.find(name)
        if found is None:
            missing.append(name)
            continue
        regions = tuple(Region(np.array([box], float)) for box in boxes)
        # All boxes are one annotation: their union is the truth, so one vote is enough.
        scenes.append(Scene(name, *found, label=label, seen=(label,), regions=regions))
    if not scenes:
        raise DataError(folder, f"holds none of the {len(missing)} files of {annotations}")
    return Corpus(scenes, missing, {"boxes without area": flat} if flat else {})


def read_boxes(annotations: str | Path) -> list[tuple[str, str, list[list[float]]]]:
    """(file, class, boxes) of every entry of `vggss.json`.

    Raises:
        DataError: the file is missing or has another form.
    """
    try:
        entries = read_json(annotations)
        rows = [(str(e["file"]), str(e["class"]), [[float(v) for v in box] for box in e["bbox"]]) for e in entries]
    except OSError as error:
        raise DataError(annotations, f"cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(annotations, f"is not a VGG-SS annotation, a list of file, class and bbox ({error})") from None
    if not all(len(box) == 4 and np.all(np.isfinite(box)) for _, _, boxes in rows for box in boxes):
        raise DataError(annotations, "has a box that is not four finite numbers")
    return rows


def _has_area(box: list[float]) -> bool:
    x0, y0, x1, y1 = np.clip(box, 0.0, 1.0)
    return bool(x1 > x0 and y1 > y0)
