"""Folders of images with written captions as training reads them: small images, and a listing with the texts."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.errors import DataError
from avnet.files.json_file import read_json
from data.images.corpus import LISTING, ImageCorpus, parse_images

FORMAT = "avnet-captions-1"


@dataclass(frozen=True)
class CaptionCorpus(ImageCorpus):
    """Images and what people wrote about them, several captions an image or one; `image_of` is of the captions.

    Attributes:
        texts: the captions as they were written, each in one line.
    """

    texts: tuple[str, ...]

    def captions_in(self, split: str) -> np.ndarray:
        """Numbers of the captions whose image is of a split, int64 [n].

        Raises:
            DataError: there is no such image.
        """
        return self.descriptions_in(split)


def open_captions(folder: str | Path) -> CaptionCorpus:
    """Opens a folder that `python -m data captions` wrote.

    Raises:
        DataError: it is none, or damaged.
    """
    folder = Path(folder)
    try:
        content = read_json(folder / LISTING)
        if content["format"] != FORMAT:
            raise ValueError(f"it is {content['format']!r}, not {FORMAT}; make it again with `python -m data captions`")
        images, texts = parse_images(content), tuple(content["texts"])
        if len(texts) != len(images.image_of) or not all(isinstance(text, str) for text in texts):
            raise ValueError("the texts do not fit the listing")
        return CaptionCorpus(folder, *images, texts)
    except OSError as error:
        advice = "make one with `python -m data captions`"
        raise DataError(folder, f"is not a corpus of captions ({error.strerror}); {advice}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(folder, f"is not a corpus of captions, or damaged ({error})") from None
