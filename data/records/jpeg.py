"""Frames of the records as JPEG."""

import io

import numpy as np
from PIL import Image

from avnet.errors import DataError


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """A uint8 RGB image as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def decode_jpeg(data: bytes, min_side: int | None = None) -> np.ndarray:
    """A JPEG as uint8 RGB; decoded at a power-of-two fraction of its size where that still has `min_side` pixels.

    Raises:
        DataError: it is none.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if min_side is not None:
                image.draft("RGB", (min_side, min_side))
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError("a frame of the records", f"is not a JPEG that can be decoded ({error})") from None
