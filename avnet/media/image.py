"""Still images, and the geometry that all images share."""

import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from avnet.errors import Damaged, MediaError, NotMedia, TooLarge
from avnet.media.container import MAX_PIXELS, check_regular_file

FORMATS = ("JPEG", "PNG")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
# Path() folds the two slashes of an address into one.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")


def is_image(path: str | Path) -> bool:
    """Whether a file begins as a jpg or png image does.

    Raises:
        NotMedia: it is missing, empty, an address, a folder or no regular file.
        MediaError: it cannot be read.
    """
    path = Path(path)
    if not path.exists() and (address := _ADDRESS.match(str(path))):
        rest = str(path)[address.end() :]
        raise NotMedia(f"{address[1]}://{rest}", "is an address, not a file; download it first")
    try:
        with check_regular_file(path).open("rb") as file:
            return file.read(8).startswith(_SIGNATURES)
    except OSError as error:
        raise MediaError(path, f"cannot be read ({error.strerror})") from None


def read_image(path: str | Path) -> np.ndarray:
    """Reads a jpg or png image.

    Args:
        path: a local image.

    Returns:
        uint8 RGB [height, width, 3], upright by its EXIF orientation; transparency laid over white.

    Raises:
        NotMedia: not a regular file or neither jpg nor png.
        TooLarge: the header claims an absurd size.
        Damaged: the data cannot be decoded.

    Example:
        >>> avnet.read_image("dog.jpg").shape
        (48, 64, 3)
    """
    with open_image(path) as image:
        return np.asarray(_over_white(upright_image(image)))


@contextmanager
def open_image(path: str | Path) -> Iterator[Image.Image]:
    """A jpg or png image whose header was checked, not decoded yet; what the block cannot decode is refused.

    Raises:
        NotMedia, TooLarge, Damaged: as in `read_image`.
    """
    path = check_regular_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise TooLarge(path, f"claims {image.width}x{image.height} pixels")
                yield image
    except Image.UnidentifiedImageError:
        raise NotMedia(path, "is not a jpg or png image") from None
    except Image.DecompressionBombError:
        raise TooLarge(path, "claims more pixels than the limit") from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise Damaged(path, f"cannot be decoded ({error})") from None


def upright_image(image: Image.Image) -> Image.Image:
    """Upright by the EXIF orientation; 16 bits a sample become 8, which Pillow would clip instead."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image, np.int64) >> 8).astype(np.uint8))
    return image


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        cutout = image.convert("RGBA")
        white = Image.new("RGBA", cutout.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, cutout)
    return image.convert("RGB")


def resize_short_side(image: np.ndarray, short_side: int, max_aspect: float | None = None) -> np.ndarray:
    """Scales an image so that its short side has a given length.

    Args:
        image: uint8 [height, width, 3].
        short_side: pixels.
        max_aspect: the long side is at most this many times the short one; a longer image is squeezed.

    Returns:
        uint8 [height', width', 3] with min(height', width') = short_side.
    """
    height, width = image.shape[:2]
    scale = short_side / min(height, width)
    limit = int(short_side * max_aspect) if max_aspect else 1 << 30
    size = (
        min(limit, max(short_side, round(width * scale))),
        min(limit, max(short_side, round(height * scale))),
    )
    if size == (width, height):
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def center_crop(image: np.ndarray, size: int) -> np.ndarray:
    """The square [size, size, 3] in the middle of an image at least that large."""
    height, width = image.shape[:2]
    top, left = (height - size) // 2, (width - size) // 2
    return image[top : top + size, left : left + size]


def center_squares(images: Iterable[np.ndarray], size: int) -> np.ndarray:
    """What networks see of images: the square in the middle of each, scaled.

    Args:
        images: uint8 [height, width, 3], of any sizes.
        size: side of the squares, pixels.

    Returns:
        uint8 [n, size, size, 3].
    """
    # Cropped first: a strip would be enormous once its short side is scaled up.
    squares = [resize_short_side(center_crop(image, min(image.shape[:2])), size) for image in map(np.asarray, images)]
    return np.stack(squares) if squares else np.zeros((0, size, size, 3), np.uint8)
