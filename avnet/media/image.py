"""Still images, and the geometry that all images share."""

import functools
import io
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Float
from PIL import ExifTags, Image

from avnet.errors import AvnetError, Damaged, MediaError, NotMedia, TooLarge
from avnet.media import decoding
from avnet.media.container import MAX_PIXELS, FileReader, OpenFile, check_regular_file

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
_SIGNATURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP|BM....\0\0\0\0|II\*\0|MM\0\*"
    rb"|....ftyp(?:avif|avis|heic|heix|heim|heis|mif1)",
    re.DOTALL,
)
END_OF_JPEG = b"\xff\xd9"
# More is not read into memory for the sake of a marker.
MAX_JPEG_BYTES = 256 << 20
_GIFS = (b"GIF87a", b"GIF89a")
# By EXIF orientation; 1 is upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def is_image(path: str | Path) -> bool:
    """Whether a file begins as an image does; a GIF that moves is a video.

    Raises:
        NotMedia: it is missing, empty, an address, a folder or no regular file.
        MediaError: it cannot be read.
    """
    path = Path(path)
    try:
        with check_regular_file(path).open("rb") as file:
            head = file.read(16)
        return bool(_SIGNATURES.match(head)) or (head.startswith(_GIFS) and not moves(path))
    except OSError as error:
        raise MediaError(path, f"cannot be read ({error.strerror})") from None


@functools.cache
def reads_heif() -> bool:
    """Teaches Pillow to read HEIC where the package for it is installed."""
    try:
        from pillow_heif import register_heif_opener  # no wheel on some machines
    except ImportError:
        return False
    register_heif_opener()
    return True


def _source(path: Path | OpenFile) -> Any:
    """What Pillow opens; its stubs ask more of a file than it does."""
    return FileReader(path) if isinstance(path, OpenFile) else path


def _opened(path: Path | OpenFile) -> IO[bytes] | FileReader:
    return FileReader(path) if isinstance(path, OpenFile) else path.open("rb")


def _with_an_end(path: Path | OpenFile) -> Any:
    """A file, or a JPEG that is whole but for its last marker with that marker."""
    with _opened(path) as file:
        if file.read(3) != b"\xff\xd8\xff":
            return _source(path)
        file.seek(-2, io.SEEK_END)
        if file.read(2) == END_OF_JPEG or file.tell() > MAX_JPEG_BYTES:
            return _source(path)
    try:
        with Image.open(_source(path), formats=("JPEG",)) as image:
            if image.width * image.height > MAX_PIXELS:
                return _source(path)
            image.load()
        return _source(path)  # something else follows behind the end, as the film of a motion photo
    except OSError:
        with _opened(path) as file:
            data = file.read()
    # What follows behind the last block is not looked at; where blocks are missing, it is taken for them.
    ends = [io.BytesIO(data + rest + END_OF_JPEG) for rest in (b"", b"\x5a\x39\x00\xa6" * 1024)]
    try:
        one, other = (np.asarray(Image.open(end, formats=("JPEG",))) for end in ends)
    except (OSError, ValueError, SyntaxError):
        return _source(path)
    return ends[0] if np.array_equal(one, other) else _source(path)


def _why_not(path: Path | OpenFile) -> str:
    with _opened(path) as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:11] in (b"hei", b"mif") and not reads_heif():
        return "is a HEIC image, which needs the package pillow-heif"
    return f"is not an image that can be read ({', '.join(FORMATS).lower()})"


def moves(path: Path | OpenFile) -> bool:
    """Whether an image has several frames, one after the other.

    Raises:
        NotMedia, TooLarge, Damaged: as in `read_image`.
    """
    if not isinstance(path, OpenFile) and (sandbox := decoding.sandbox()) is not None:
        return sandbox.moves(path)
    with open_image(path) as image:
        return getattr(image, "is_animated", False)


def read_image(path: str | Path | OpenFile) -> np.ndarray:
    """Reads an image: jpg, png, webp, avif, gif, bmp or tiff; of several in a file the first.

    Args:
        path: a local image, or one that is open.

    Returns:
        uint8 RGB [height, width, 3], upright by its EXIF orientation; transparency laid over white.

    Raises:
        NotMedia: not a regular file or of no such format.
        TooLarge: the header claims an absurd size.
        Damaged: the data cannot be decoded.

    Example:
        >>> avnet.read_image("dog.jpg").shape
        (48, 64, 3)
    """
    if not isinstance(path, OpenFile) and (sandbox := decoding.sandbox()) is not None:
        return sandbox.read_image(path)
    with open_image(path) as image:
        return np.asarray(_over_white(upright_image(image)))


@contextmanager
def open_image(path: str | Path | OpenFile) -> Iterator[Image.Image]:
    """An image whose header was checked, not decoded yet; what the block cannot decode is refused.

    Raises:
        NotMedia, TooLarge, Damaged: as in `read_image`.
    """
    path = path if isinstance(path, OpenFile) else check_regular_file(path)
    formats = FORMATS + ("HEIF",) * reads_heif()
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd metadata, which do not matter, and of large images, for which there is a limit.
            warnings.simplefilter("ignore")
            with Image.open(_with_an_end(path), formats=formats) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise TooLarge(path, f"claims {image.width}x{image.height} pixels")
                yield image
    except Image.UnidentifiedImageError:
        raise NotMedia(path, _why_not(path)) from None
    except Image.DecompressionBombError:
        raise TooLarge(path, "claims more pixels than the limit") from None
    except AvnetError:
        raise
    except Exception as error:  # an odd file makes Pillow raise almost anything: struct.error, TypeError, KeyError
        raise Damaged(path, f"cannot be decoded ({error or type(error).__name__})") from None


def upright_image(image: Image.Image) -> Image.Image:
    """Upright by the EXIF orientation; 16 bits a sample become 8, which Pillow would clip instead."""
    image.load()  # the EXIF of a PNG may lie behind its pixels
    turn = _turn(image)
    image = image if turn is None else image.transpose(turn)
    if image.mode.startswith("I"):
        values = np.asarray(image, np.int64)
        clear = image.info.get("transparency")
        image = Image.fromarray((values >> 8).astype(np.uint8))
        if isinstance(clear, int):
            image.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return image


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What makes an image upright; nothing where its EXIF says nothing or cannot be read.

    Pillow's own `exif_transpose` writes all of the EXIF anew, which cameras' and editors' odd tags do not survive.
    """
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # as odd as the tags
        return None


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        cutout = image.convert("RGBA")
        white = Image.new("RGBA", cutout.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, cutout)
    return image.convert("RGB")


def resize_short_side(image: np.ndarray, short_side: int, max_aspect: float | None = None) -> np.ndarray:
    """Scales an image so that its short side has a given length.

    Args:
        image: uint8 [height, width, channels].
        short_side: pixels.
        max_aspect: the long side is at most this many times the short one; a longer image is squeezed.

    Returns:
        uint8 [height', width', channels] with min(height', width') = short_side.
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
    return resize(image, *size)


def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Scales an image bilinearly, antialiased.

    Args:
        image: uint8 [height', width', channels]; each channel is scaled on its own.
        width: of the result, pixels.
        height: of the result, pixels.
    """

    def resized(part: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(part).resize((width, height), Image.Resampling.BILINEAR))

    channels = image.shape[2]
    if channels == 3:
        return resized(image)
    # Pillow takes three channels or one; of two it would take the second for opacity.
    threes = channels // 3 * 3
    parts = [resized(image[..., i : i + 3]) for i in range(0, threes, 3)]
    parts += [resized(image[..., i])[..., None] for i in range(threes, channels)]
    return np.concatenate(parts, axis=-1)


def center_crop(image: np.ndarray, size: int) -> np.ndarray:
    """The square [size, size, channels] in the middle of an image at least that large."""
    height, width = image.shape[:2]
    top, left = (height - size) // 2, (width - size) // 2
    return image[top : top + size, left : left + size]


def center_squares(images: Iterable[np.ndarray], size: int, channels: int = 3) -> np.ndarray:
    """What networks see of images: the square in the middle of each, scaled.

    Args:
        images: uint8 [height, width, channels], of any sizes.
        size: side of the squares, pixels.
        channels: of each image.

    Returns:
        uint8 [n, size, size, channels].
    """
    # Cropped first: a strip would be enormous once its short side is scaled up.
    squares = [resize_short_side(center_crop(image, min(image.shape[:2])), size) for image in map(np.asarray, images)]
    return np.stack(squares) if squares else np.zeros((0, size, size, channels), np.uint8)


def enlarge(grid: Float[np.ndarray, "rows columns"], height: int, width: int) -> Float[np.ndarray, "height width"]:
    """Scales a grid of numbers bilinearly between cell centers; constant beyond the outermost ones. float32."""
    resized = Image.fromarray(np.asarray(grid, np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized)
