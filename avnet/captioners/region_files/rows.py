"""What a reader of one format gives of an image."""

from collections.abc import Collection
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

# How files call the two arrays of an image, the commonest first.
FEATURES, BOXES = ("features", "feat", "x", "image_features"), ("boxes", "bbox", "image_bb")
# And its size in pixels.
WIDTHS, HEIGHTS = ("image_w", "width", "img_w", "w"), ("image_h", "height", "img_h", "h")


class Row(NamedTuple):
    """The regions of an image as a file has them, not checked yet.

    Attributes:
        features: of each region [regions, features].
        boxes: left, top, right and bottom of each [regions, 4], in pixels or as shares of the image.
        size: width and height of the image, pixels; None where the file does not say.
    """

    features: np.ndarray
    boxes: np.ndarray
    size: tuple[float, float] | None


@runtime_checkable
class Rows(Protocol):
    """The images of a file or of a folder; each is read when it is asked for."""

    @property
    def names(self) -> Collection[str]:
        """Of the images, as the file calls them."""
        ...

    def count(self, name: str) -> int:
        """Number of regions of an image, without reading their features.

        Raises:
            ValueError, OSError, KeyError: the file is damaged there.
        """
        ...

    def read(self, name: str) -> Row:
        """The regions of an image.

        Raises:
            ValueError, OSError, KeyError: the file is damaged there.
        """
        ...
