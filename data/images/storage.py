"""Images and left-out rows as they are written into the folder of a corpus."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from avnet.errors import MediaError
from avnet.files.json_file import read_json
from avnet.files.ownership import RECEIPTS
from avnet.media.image import read_image, resize_short_side
from avnet.program.progress import progress
from data.images.corpus import IMAGES, LEFT_OUT, LISTING
from data.left_out import LeftOut
from data.runners.threads import in_order

# Of the stored images, pixels.
SHORT_SIDE = 256
# Likewise, as Pillow counts it.
QUALITY = 95
# What programs have computed from a corpus and keep beside it.
CACHES = (".npy", ".safetensors")


def why_foreign(folder: Path, format_name: str, kind: str, own: Collection[str] = ()) -> str | None:
    """Why a folder that is not empty is not to be replaced by a corpus; None where it is an earlier one of its kind.

    Args:
        folder: where the corpus shall be.
        format_name: as listings of its kind have it, with or without the version.
        kind: of corpus, in words.
        own: names of files that such a corpus has beside images and listing.
    """
    try:
        content = read_json(folder / LISTING)
    except ValueError:  # a damaged one, which is to be replaced
        content = {}
    except OSError:
        return f"it is not empty, and not {kind}"
    found = content.get("format") if isinstance(content, dict) else None
    if isinstance(found, str) and not found.startswith(format_name.rstrip("0123456789")):
        return f"it is not empty, and not {kind}"
    known = {LISTING, LEFT_OUT, IMAGES, RECEIPTS, *own}
    others = sorted(e.name for e in folder.iterdir() if e.name not in known and e.suffix not in CACHES)
    return f"it holds {others[0]}, which avnet did not write" if others else None


def store_images(paths: Iterable[Path], folder: Path, left_out: list[LeftOut]) -> dict[Path, int]:
    """Writes each image once, at most 256 pixels at its short side.

    Args:
        paths: of the images; those that repeat count once.
        folder: of the corpus.
        left_out: gets the images that cannot be read.

    Returns:
        The number of each image that was written.
    """
    (folder / IMAGES).mkdir()
    paths = list(dict.fromkeys(paths))

    def read(path: Path) -> np.ndarray | MediaError:
        try:
            image = read_image(path)
            return resize_short_side(image, min(SHORT_SIDE, *image.shape[:2]))
        except MediaError as error:
            return error

    numbers: dict[Path, int] = {}
    images = progress(in_order(read, paths, 0), "reading", len(paths), "images")
    for path, image in zip(paths, images, strict=True):
        if isinstance(image, MediaError):
            left_out.append(LeftOut("", image.subject, image.reason))
        else:
            Image.fromarray(image).save(folder / IMAGES / f"{len(numbers):07d}.jpg", quality=QUALITY)
            numbers[path] = len(numbers)
    return numbers


def write_listing(folder: Path, content: dict[str, Any], left_out: Sequence[LeftOut]) -> None:
    """Writes the listing of a corpus, and what was left out."""
    (folder / LISTING).write_text(json.dumps(content) + "\n")
    (folder / LEFT_OUT).write_text(json.dumps([asdict(one) for one in left_out], indent=2) + "\n")
