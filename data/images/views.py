"""Views of an image, so that a network that sees few images several times does not see the same each time."""

import numpy as np
from jaxtyping import UInt8

from avnet.media.image import center_crop

# Sides of a view, as shares of that of the square in the middle of an image.
LEAST, MOST = 0.75, 1.0


def view_of(image: UInt8[np.ndarray, "height width channels"], number: int, view: int) -> np.ndarray:
    """One of the views of an image, always the same; uint8 [side, side, channels].

    Args:
        image: the image.
        number: of the image; each is cut in another way.
        view: 0 is the square in its middle, 1 the same in a mirror; of all others every second is in a mirror, and they
            are cut out of the square, with sides of 75 to 100 % of it.

    Reference: Szegedy et al., "Going deeper with convolutions", 2015, section 6, for crops; there also much smaller.

    Example:
        >>> view_of(np.arange(3, dtype=np.uint8).reshape(1, 3, 1).repeat(3, axis=0), 0, view=1)[0, :, 0]
        array([2, 1, 0], dtype=uint8)
    """
    square = center_crop(image, min(image.shape[:2]))
    if view > 1:
        rng = np.random.default_rng((number, view))
        side = max(1, round(rng.uniform(LEAST, MOST) * len(square)))
        top, left = rng.integers(len(square) - side + 1, size=2)
        square = square[top : top + side, left : left + side]
    return square[:, ::-1] if view % 2 else square
