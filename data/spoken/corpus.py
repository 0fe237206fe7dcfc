"""Folders of images with spoken descriptions as training reads them: one file of samples, small images, a listing.

No text enters such a folder. It names the files that the recordings came from, by which evaluation finds what they say.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.audio.recordings import Recordings, open_recordings
from avnet.errors import AvnetError, DataError
from avnet.files.json_file import read_json
from avnet.media.image import read_image

FORMAT = "avnet-spoken-2"
LISTING, IMAGES, LEFT_OUT = "corpus.json", "images", "left_out.json"
SPLITS = ("train", "validation", "test")
# Of the stored images, pixels.
SHORT_SIDE = 256


@dataclass(frozen=True)
class SpokenCorpus:
    """Images and the recordings that describe them, each several times or once.

    Attributes:
        folder: where it lies.
        names: of the images, as their source called them.
        splits: of the images, each 'train', 'validation' or 'test'.
        image_of: int64 [recordings], the image that each describes.
        speakers: of the recordings; empty where unknown.
        files: that the recordings came from.
        recordings: the speech.
    """

    folder: Path
    names: tuple[str, ...]
    splits: tuple[str, ...]
    image_of: np.ndarray
    speakers: tuple[str, ...]
    files: tuple[str, ...]
    recordings: Recordings

    def images_in(self, split: str) -> np.ndarray:
        """Numbers of the images of a split, int64 [n].

        Raises:
            DataError: there are none.
        """
        numbers = np.flatnonzero(np.array(self.splits) == split)
        if not len(numbers):
            raise DataError(self.folder, f"has no image in the split {split!r}")
        return numbers

    def recordings_in(self, split: str) -> np.ndarray:
        """Numbers of the recordings whose image is of a split, int64 [n]."""
        return np.flatnonzero(np.isin(self.image_of, self.images_in(split)))

    def image(self, number: int) -> np.ndarray:
        """uint8 RGB [height, width, 3], its short side at most 256."""
        return read_image(self.image_file(number))

    def image_file(self, number: int) -> Path:
        """Where an image lies."""
        return self.folder / IMAGES / f"{number:07d}.jpg"


def open_corpus(folder: str | Path) -> SpokenCorpus:
    """Opens a folder that `python -m data spoken` wrote.

    Raises:
        DataError: it is none, or damaged.
    """
    folder = Path(folder)
    try:
        content = read_json(folder / LISTING)
        if content["format"] != FORMAT:
            raise ValueError(f"it is {content['format']!r}, not {FORMAT}; make it again with `python -m data spoken`")
        names, splits = tuple(content["images"]), tuple(content["splits"])
        image_of = np.asarray(content["image_of"], np.int64)
        speakers, files = tuple(content["speakers"]), tuple(content["files"])
        recordings = open_recordings(folder)
        if len(splits) != len(names) or not set(splits) <= set(SPLITS):
            raise ValueError("the splits do not fit the images")
        if not len(image_of) == len(speakers) == len(files) == len(recordings):
            raise ValueError("the listing does not fit the recordings")
        if len(image_of) and not (image_of.min() >= 0 and image_of.max() < len(names)):
            raise ValueError("a recording describes an image that is not there")
        return SpokenCorpus(folder, names, splits, image_of, speakers, files, recordings)
    except OSError as error:
        advice = "make one with `python -m data spoken`"
        raise DataError(folder, f"is not a spoken corpus ({error.strerror}); {advice}") from None
    except (ValueError, KeyError, TypeError, AvnetError) as error:
        raise DataError(folder, f"is not a spoken corpus, or damaged ({error})") from None
