"""Flickr-SoundNet: boxes of what sounds, by several annotators, on one frame of each clip.

One XML file a clip. Every annotator is an element below the root and holds `bbox` elements of five children:
a type, then x0, y0, x1, y1 in pixels of a 256x256 frame. The annotators' boxes are summed, halved and clipped
at 1: a pixel on which two agree counts fully.

Reference: Senocak et al., "Learning to localize sound source in visual scenes", 2018, section 5.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from avnet.errors import DataError
from eval.readers.media import MediaFolder
from eval.readers.scene import Corpus, Region, Scene

FRAME = 256
# XML is parsed in memory as a whole, and an annotation is a few hundred bytes.
MAX_BYTES = 1 << 20


def read_flickr_soundnet(annotations: str | Path, folder: str | Path) -> Corpus:
    """Reads a folder of annotations and finds their images and sounds.

    Args:
        annotations: folder of `NAME.xml`.
        folder: with `NAME.jpg` and `NAME.wav`, or `NAME.mp4`, at any depth.

    Raises:
        DataError: there is no annotation, one has another form, or none of their files is there.
    """
    paths = sorted(Path(annotations).glob("*.xml"))
    if not paths:
        raise DataError(annotations, "holds no NAME.xml")
    media = MediaFolder(folder)
    scenes: list[Scene] = []
    missing: list[str] = []
    for path in paths:
        files = media.find(path.stem)
        if files is None:
            missing.append(path.stem)
            continue
        regions = tuple(Region(box[None] / FRAME) for box in read_annotators(path))
        scenes.append(Scene(path.stem, *files, label="", visible=(), regions=regions, agreement=2))
    if not scenes:
        raise DataError(folder, f"holds none of the {len(missing)} files of {annotations}: {media.why_none(missing)}")
    without = [scene.name for scene in scenes if not scene.sounding]
    return Corpus(scenes, missing, {"without boxes": without} if without else {})


def read_annotators(path: str | Path) -> list[np.ndarray]:
    """Every annotator's boxes, [x0, y0, x1, y1] in pixels of a 256x256 frame.

    Raises:
        DataError: the file has another form.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(path, "is too large for an annotation")
        root = ElementTree.fromstring(path.read_bytes())
        boxes = [np.array([float(child.text or "") for child in box[1:]]) for box in root.iter("bbox")]
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from None
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(path, f"is not a Flickr-SoundNet annotation ({error})") from None
    if not all(box.shape == (4,) and np.all(np.isfinite(box)) for box in boxes):
        raise DataError(path, "has a box that is not a type and four numbers")
    return boxes
