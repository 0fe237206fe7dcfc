"""Folders of images with spoken descriptions as training reads them: one file of samples, small images, a listing.

No text enters such a folder. It names the files that the recordings came from, by which evaluation finds what they say.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.audio.recordings import Recordings, open_recordings
from avnet.errors import AvnetError, DataError
from avnet.files.json_file import read_json
from data.images.corpus import LISTING, ImageCorpus, parse_images

FORMAT = "avnet-spoken-2"


@dataclass(frozen=True)
class SpokenCorpus(ImageCorpus):
    """Images and the recordings that describe them, each several times or once.

    Attributes:
        speakers: of the recordings; empty where unknown.
        files: that the recordings came from.
        recordings: the speech.
    """

    speakers: tuple[str, ...]
    files: tuple[str, ...]
    recordings: Recordings

    def recordings_in(self, split: str) -> np.ndarray:
        """Numbers of the recordings whose image is of a split, int64 [n]."""
        return self.descriptions_in(split)


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
        images = parse_images(content)
        speakers, files = tuple(content["speakers"]), tuple(content["files"])
        recordings = open_recordings(folder)
        if not len(images.image_of) == len(speakers) == len(files) == len(recordings):
            raise ValueError("the listing does not fit the recordings")
        return SpokenCorpus(folder, *images, speakers, files, recordings)
    except OSError as error:
        advice = "make one with `python -m data spoken`"
        raise DataError(folder, f"is not a spoken corpus ({error.strerror}); {advice}") from None
    except (ValueError, KeyError, TypeError, AvnetError) as error:
        raise DataError(folder, f"is not a spoken corpus, or damaged ({error})") from None
