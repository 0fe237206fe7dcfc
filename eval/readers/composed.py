"""Videos composed from images and sounds, whose truth is known for every frame.

Beside `X.mp4` lies `X.json` with the class of the sound (or null) and, for every object on screen, its class,
whether it sounds, a box for every frame in fractions, and the file of its outline (or null).
"""

from pathlib import Path

import numpy as np

from avnet.errors import DataError
from avnet.files.json_file import read_json
from eval.readers.scene import Corpus, Region, Scene


def read_composed_videos(folder: str | Path, split: str = "test") -> Corpus:
    """Reads the truth of every composed video of one split.

    Args:
        folder: with `X.json` and `X.mp4` at any depth.
        split: 'train', 'validation' or 'test'; the files say which they are.

    Raises:
        DataError: a truth has another form, or the split has no video.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(folder, "is not a folder of composed videos")
    scenes: list[Scene] = []
    missing: list[str] = []
    for path in sorted(folder.rglob("*.json")):
        truth = _read_json(path)
        # The plan of the collection and other JSON files lie there too.
        if not isinstance(truth, dict) or "objects" not in truth or truth.get("split") != split:
            continue
        scene = _scene(path, truth)
        if scene.image.is_file():
            scenes.append(scene)
        else:
            missing.append(scene.name)
    if not scenes:
        raise DataError(folder, f"holds no composed video of the split {split!r}")
    return Corpus(scenes, missing)


def _read_json(path: Path) -> object:
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise DataError(path, f"is not JSON that can be read ({error})") from None


def _scene(path: Path, truth: dict) -> Scene:
    try:
        sound = truth["sound"]
        fps = float(truth["fps"])
        video = path.parent / str(truth["file"])
        classes = tuple(str(thing["class"]) for thing in truth["objects"])
        regions = tuple(_region(path, thing, fps) for thing in truth["objects"] if thing["sounding"])
        label = "" if sound is None else str(sound["class"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(path, f"is not the truth of a composed video ({type(error).__name__}: {error})") from None
    name = video.relative_to(path.parent).with_suffix("").as_posix()
    return Scene(name, video, video, label=label, visible=classes, regions=regions, silent=sound is None)


def _region(path: Path, thing: dict, fps: float) -> Region:
    boxes = np.array(thing["boxes"], float)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.all(np.isfinite(boxes)):
        raise ValueError(f"boxes of shape {boxes.shape}")
    mask = thing.get("mask")
    return Region(boxes, fps, None if mask is None else path.parent / str(mask))
