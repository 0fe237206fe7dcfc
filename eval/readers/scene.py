"""One test case of sound localisation: an image, a sound, and where in the image it comes from.

Boxes are [x0, y0, x1, y1] in fractions of the frame, x to the right and y downwards.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from avnet.errors import DataError


@dataclass(frozen=True)
class Region:
    """Where one sounding thing is, or what one annotator marked.

    Attributes:
        boxes: one row for every frame; a single row holds throughout.
        fps: rows a second; not read with a single row.
        mask: 8-bit image of the thing's opacity, scaled into the box; None is a full box.
    """

    boxes: Float[np.ndarray, "frames 4"]
    fps: float = 0.0
    mask: Path | None = None

    def box_at(self, time_s: float) -> Float[np.ndarray, "4"]:
        """The box of the frame shown at a time, clipped to the frame."""
        # Rounding can step past the last frame.
        row = 0 if len(self.boxes) == 1 else round(time_s * self.fps)
        return np.clip(self.boxes[min(max(row, 0), len(self.boxes) - 1)], 0.0, 1.0)


@dataclass(frozen=True)
class Scene:
    """An image with its sound and the truth about them.

    Attributes:
        name: as the annotation names it.
        image: a video or a still image.
        sound: a video or a sound file; the same as `image` for a video.
        label: class of the sound; empty where unknown or silent.
        visible: classes in the image, sounding or not.
        regions: what sounds; empty where nothing in the image does.
        agreement: annotators who must agree for a full vote.
        silent: whether the recording is known to be without any sound.
        moment_s: when the annotated frame is shown, seconds from the start; None where every frame is annotated, or
            the annotation does not say.
    """

    name: str
    image: Path
    sound: Path
    label: str
    visible: tuple[str, ...]
    regions: tuple[Region, ...]
    agreement: int = 1
    silent: bool = False
    moment_s: float | None = None

    @property
    def sounding(self) -> bool:
        """Whether something in the image makes the sound."""
        return bool(self.regions)

    def truth(self, time_s: float, size: int = 224, masks: bool = False) -> Float[np.ndarray, "size size"]:
        """Where the sound comes from at a time: the regions' votes over `agreement`, at most 1.

        Corners are cut down to whole pixels, as public code does.

        Args:
            time_s: seconds from the start of the video.
            size: side of the square map into which the frame is squeezed, pixels.
            masks: use the things' outlines, where known, instead of their boxes.
        """
        votes = np.zeros((size, size))
        for region in self.regions:
            x0, y0, x1, y1 = (int(corner * size) for corner in region.box_at(time_s))
            if x1 > x0 and y1 > y0:
                votes[y0:y1, x0:x1] += _outline(region, x1 - x0, y1 - y0) if masks else 1.0
        return np.minimum(votes / self.agreement, 1.0)


@dataclass(frozen=True)
class Corpus:
    """Scenes of a test set, and what of it could not be used.

    Attributes:
        scenes: that can be opened.
        missing: names that are annotated but have no file.
        notes: what else a reader should know, such as boxes without any area; name -> names concerned.
    """

    scenes: list[Scene]
    missing: list[str]
    notes: dict[str, list[str]] = field(default_factory=dict)

    def among(self, names: Collection[str]) -> "Corpus":
        """What of it has one of some names."""
        notes = {reason: [name for name in of_reason if name in names] for reason, of_reason in self.notes.items()}
        return Corpus(
            [scene for scene in self.scenes if scene.name in names],
            [name for name in self.missing if name in names],
            {reason: of_reason for reason, of_reason in notes.items() if of_reason},
        )


def _outline(region: Region, width: int, height: int) -> np.ndarray:
    if region.mask is None:
        return np.ones((height, width))
    try:
        # Composed videos have masks in PNG; all other decoders of Pillow stay closed to files from elsewhere.
        with Image.open(region.mask, formats=("PNG",)) as mask:
            # Edges are soft, and what is half opaque counts as the thing.
            return (np.asarray(mask.convert("L").resize((width, height))) >= 128).astype(float)
    except Exception as error:  # an odd file makes Pillow raise almost anything
        raise DataError(region.mask, f"is not a mask that can be read ({error})") from None
