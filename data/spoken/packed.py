"""Folders of pictures with spoken descriptions as training reads them: one file of samples, small pictures, a listing.

No text enters such a folder. It names the files that the recordings came from, by which evaluation finds what they say.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.audio.recordings import Recordings, open_recordings
from avnet.errors import AvnetError, DataError
from avnet.files.json_file import read_json
from avnet.media.image import read_image

FORMAT = "avnet-spoken-1"
LISTING, PICTURES, LEFT_OUT = "corpus.json", "pictures", "left_out.json"
SPLITS = ("train", "validation", "test")
# Of the stored pictures, pixels.
SHORT_SIDE = 256


@dataclass(frozen=True)
class SpokenCorpus:
    """Pictures and the recordings that describe them, each several times or once.

    Attributes:
        folder: where it lies.
        names: of the pictures, as their source called them.
        splits: of the pictures, each 'train', 'validation' or 'test'.
        picture_of: int64 [recordings], the picture that each describes.
        speakers: of the recordings; empty where unknown.
        files: that the recordings came from.
        recordings: the speech.
    """

    folder: Path
    names: tuple[str, ...]
    splits: tuple[str, ...]
    picture_of: np.ndarray
    speakers: tuple[str, ...]
    files: tuple[str, ...]
    recordings: Recordings

    def pictures_in(self, split: str) -> np.ndarray:
        """Numbers of the pictures of a split, int64 [n].

        Raises:
            DataError: there are none.
        """
        found = np.flatnonzero(np.array(self.splits) == split)
        if not len(found):
            raise DataError(self.folder, f"has no picture in the split {split!r}")
        return found

    def recordings_in(self, split: str) -> np.ndarray:
        """Numbers of the recordings whose picture is of a split, int64 [n]."""
        return np.flatnonzero(np.isin(self.picture_of, self.pictures_in(split)))

    def picture(self, number: int) -> np.ndarray:
        """uint8 RGB [height, width, 3], its short side at most 256."""
        return read_image(self.picture_file(number))

    def picture_file(self, number: int) -> Path:
        """Where a picture lies."""
        return self.folder / PICTURES / f"{number:07d}.jpg"


def open_corpus(folder: str | Path) -> SpokenCorpus:
    """Opens a folder that `python -m data spoken` wrote.

    Raises:
        DataError: it is none, or damaged.
    """
    folder = Path(folder)
    try:
        listed = read_json(folder / LISTING)
        if listed["format"] != FORMAT:
            raise ValueError(f"not a file of {FORMAT}")
        names, splits = tuple(listed["pictures"]), tuple(listed["splits"])
        picture_of = np.asarray(listed["picture_of"], np.int64)
        speakers, files = tuple(listed["speakers"]), tuple(listed["files"])
        recordings = open_recordings(folder)
        if len(splits) != len(names) or not set(splits) <= set(SPLITS):
            raise ValueError("the splits do not fit the pictures")
        if not len(picture_of) == len(speakers) == len(files) == len(recordings):
            raise ValueError("the listing does not fit the recordings")
        if len(picture_of) and not (picture_of.min() >= 0 and picture_of.max() < len(names)):
            raise ValueError("a recording describes a picture that is not there")
        return SpokenCorpus(folder, names, splits, picture_of, speakers, files, recordings)
    except OSError as error:
        wanted = "make one with `python -m data spoken`"
        raise DataError(folder, f"is not a spoken corpus ({error.strerror}); {wanted}") from None
    except (ValueError, KeyError, TypeError, AvnetError) as error:
        raise DataError(folder, f"is not a spoken corpus, or damaged ({error})") from None
