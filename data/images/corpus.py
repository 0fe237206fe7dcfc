"""Folders of small images with a listing of what describes them, spoken or written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from avnet.errors import DataError
from avnet.media.image import read_image
from data.splits import SPLITS

LISTING, IMAGES, LEFT_OUT = "corpus.json", "images", "left_out.json"


@dataclass(frozen=True)
class ImageCorpus:
    """Images, and which of them each description is of.

    Attributes:
        folder: where it lies.
        names: of the images, as their source called them.
        splits: of the images, each 'train', 'validation' or 'test'.
        image_of: int64 [descriptions], the image that each describes.
    """

    folder: Path
    names: tuple[str, ...]
    splits: tuple[str, ...]
    image_of: np.ndarray

    def images_in(self, split: str) -> np.ndarray:
        """Numbers of the images of a split, int64 [n].

        Raises:
            DataError: there are none.
        """
        numbers = np.flatnonzero(np.array(self.splits) == split)
        if not len(numbers):
            raise DataError(self.folder, f"has no image in the split {split!r}")
        return numbers

    def descriptions_in(self, split: str) -> np.ndarray:
        """Numbers of the descriptions whose image is of a split, int64 [n].

        Raises:
            DataError: there is no such image.
        """
        return np.flatnonzero(np.isin(self.image_of, self.images_in(split)))

    def image(self, number: int) -> np.ndarray:
        """uint8 RGB [height, width, 3], its short side at most 256."""
        return read_image(self.image_file(number))

    def image_file(self, number: int) -> Path:
        """Where an image lies."""
        return self.folder / IMAGES / f"{number:07d}.jpg"


class ImageListing(NamedTuple):
    """What a listing says of the images; fields as of `ImageCorpus`."""

    names: tuple[str, ...]
    splits: tuple[str, ...]
    image_of: np.ndarray


def parse_images(content: Mapping[str, Any]) -> ImageListing:
    """What a listing says of the images.

    Raises:
        ValueError, KeyError, TypeError: it does not fit together.
    """
    names, splits = tuple(content["images"]), tuple(content["splits"])
    image_of = np.asarray(content["image_of"], np.int64)
    if len(splits) != len(names) or not set(splits) <= set(SPLITS):
        raise ValueError("the splits do not fit the images")
    if len(image_of) and not (image_of.min() >= 0 and image_of.max() < len(names)):
        raise ValueError("a description is of an image that is not there")
    return ImageListing(names, splits, image_of)
