"""A line of text at the foot of an image."""

from functools import lru_cache

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from avnet.correspondence.verdict import Verdict

# Of an image's height; no text is smaller than can be read.
SHARE, SMALLEST = 1 / 22, 9


def caption_of(verdict: Verdict) -> str:
    """What a heatmap says and what the sound is called; empty where the model has no names for sounds."""
    if not verdict.audible:
        return ""
    names = ", ".join(f"{name} {probability:.2f}" for name, probability in verdict.audible.items())
    return f"{verdict.verdict} {verdict.peak:.2f}: {names}"


def caption(image: UInt8[np.ndarray, "height width 3"], text: str) -> UInt8[np.ndarray, "height width 3"]:
    """Writes a line in white on dark over the foot of an image; it is cut off at the right edge.

    Args:
        image: not changed.
        text: none leaves the image as it is.
    """
    if not text:
        return image
    bar = _bar(text, *image.shape[:2])
    image = image.copy()
    foot = image[-len(bar) :]
    # The image still shows through.
    foot[...] = np.maximum(bar, foot // 3)
    return image


@lru_cache(maxsize=8)
def _bar(text: str, height: int, width: int) -> np.ndarray:
    """The text on black, uint8 [rows, width, 3]; the same for many frames of a video."""
    size = max(SMALLEST, round(height * SHARE))
    bar = Image.new("RGB", (width, min(height, round(size * 1.5))))
    ImageDraw.Draw(bar).text((size // 2, size // 5), text, fill="white", font=ImageFont.load_default(size))
    return np.asarray(bar)
