"""What clips are composed of: classes of images and sounds, checked one by one, divided among splits."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from avnet.errors import AvnetError, DataError, TooShort
from avnet.media.container import check_regular_file
from avnet.media.image import open_image, upright_image
from avnet.media.suffixes import IMAGES, SOUNDS
from data.clips.soundtrack import read_sound
from data.splits import SPLITS

IMAGE_FOLDERS = ("photos", "images", "pictures")
SOUND_FOLDERS = ("sounds", "audio")
# Below this opacity (of 255) a pixel does not belong to a cut-out.
OPAQUE = 16
# A cut-out has at least this share of clear pixels.
CLEAR_SHARE = 0.02
MIN_SIDE = 8
# Takes of one recording, `5-177957-A.ogg` and `5-177957-B.ogg`, are one source.
TAKE = re.compile(r"-[A-Z]$")


@dataclass(frozen=True)
class ClassFiles:
    """The files of one class."""

    images: tuple[Path, ...]
    sounds: tuple[Path, ...]


@dataclass(frozen=True)
class UnusedFile:
    """A file that is not used, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class FileCheck:
    """A file that was opened: the SHA-256 of its content, or the reason why it cannot be used."""

    path: Path
    digest: str
    reason: str = ""


def find_classes(source: Path) -> tuple[dict[str, ClassFiles], list[UnusedFile]]:
    """Lists a folder with one folder for every class.

    Images lie in CLASS/photos or CLASS/images, sounds in CLASS/sounds, or both directly in CLASS.

    Returns:
        The files of every class in order of name, and the files that are neither images nor sounds.

    Raises:
        DataError: there are no classes, or one has no images or no sounds.
    """
    if not source.is_dir():
        raise DataError(source, "is a file, not a folder of classes" if source.exists() else "does not exist")
    classes, unused = {}, []
    for folder in sorted(p for p in source.iterdir() if p.is_dir() and not p.name.startswith(".")):
        images, sounds, others = [], [], []
        for place in [folder, *(folder / name for name in IMAGE_FOLDERS + SOUND_FOLDERS)]:
            for file in sorted(p for p in place.glob("*") if not p.name.startswith(".") and not p.is_dir()):
                suffix = file.suffix.lower()
                (images if suffix in IMAGES else sounds if suffix in SOUNDS else others).append(file)
        unused += [UnusedFile(file, "is neither a jpg or png image nor a sound") for file in others]
        if not images:
            raise DataError(folder, "has no jpg or png images (expected in photos/, images/ or the folder itself)")
        if not sounds:
            raise DataError(folder, "has no sounds (expected in sounds/ or the folder itself)")
        classes[folder.name] = ClassFiles(tuple(images), tuple(sounds))
    if not classes:
        raise DataError(source, "has no class folders (expected CLASS/photos/*.jpg and CLASS/sounds/*.wav)")
    return classes, unused


def read_cutout(path: Path, longest: int | None = None) -> Image.Image:
    """Reads an image to paste.

    Args:
        path: a jpg or png.
        longest: larger images are scaled down to this longer side, pixels.

    Returns:
        RGBA, cropped to what can be seen, for an image with clear parts (a cut-out); else RGB.

    Raises:
        MediaError: the file cannot be read, or nothing can be seen in it.
    """
    with open_image(path) as file:
        if longest is not None:
            # Has a JPEG decoded at a fraction of its size where that is still large enough.
            file.draft("RGB", (2 * longest, 2 * longest))
        image = _cut_out(upright_image(file))
    if min(image.size) < MIN_SIDE:
        raise TooShort(path, f"shows {image.width}x{image.height} pixels; {MIN_SIDE} are needed")
    if longest is not None:
        image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return image


def _cut_out(image: Image.Image) -> Image.Image:
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    image = image.convert("RGBA")
    opaque = np.asarray(image.getchannel("A")) >= OPAQUE
    if 1.0 - opaque.mean() < CLEAR_SHARE:
        return image.convert("RGB")
    rows, columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
    if not len(rows):
        return Image.new("RGBA", (0, 0))
    return image.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))


def check_file(path: Path) -> FileCheck:
    """Opens and decodes an image or a sound to see whether it can be used."""
    try:
        digest = hashlib.sha256(check_regular_file(path).read_bytes()).hexdigest()
        if path.suffix.lower() in IMAGES:
            read_cutout(path, 64)
        else:
            read_sound(path)
    except AvnetError as error:
        return FileCheck(path, "", error.reason)
    except OSError as error:
        return FileCheck(path, "", (error.strerror or "cannot be read").lower())
    return FileCheck(path, digest)


def usable(
    classes: Mapping[str, ClassFiles], checks: Mapping[Path, FileCheck]
) -> tuple[dict[str, ClassFiles], list[UnusedFile]]:
    """Keeps the files that can be used, each content once.

    A file that lies in two classes belongs to neither: every answer about it would be both right and wrong.

    Args:
        classes: as found.
        checks: the outcome of `check_file` for every file.

    Returns:
        The classes without the rest, and the rest with its reasons.

    Raises:
        DataError: a class has no image or no sound left.
    """
    # By content: a copy under another name is the same answer.
    owners: dict[str, set[str]] = defaultdict(set)
    for name, files in classes.items():
        for path in files.images + files.sounds:
            owners[checks[path].digest].add(name)
    unused: list[UnusedFile] = []
    classes_left = {}
    for name, files in classes.items():
        parts = []
        for paths, kind in ((files.images, "image"), (files.sounds, "sound")):
            good, rest = _each_once(name, paths, checks, owners)
            if not good:
                raise DataError(rest[0].path.parent, f"has no {kind} to use; {rest[0].path} {rest[0].reason}")
            unused += rest
            parts.append(good)
        classes_left[name] = ClassFiles(*parts)
    return classes_left, unused


def _each_once(name: str, paths: Iterable[Path], checks, owners) -> tuple[tuple[Path, ...], list[UnusedFile]]:
    good: dict[str, Path] = {}
    unused = []
    for path in paths:
        check = checks[path]
        others = sorted(owners[check.digest] - {name})
        if check.reason:
            unused.append(UnusedFile(path, check.reason))
        elif others:
            unused.append(UnusedFile(path, f"is also in the class {others[0]}"))
        elif check.digest in good:
            unused.append(UnusedFile(path, f"is the same as {good[check.digest].name}"))
        else:
            good[check.digest] = path
    return tuple(good.values()), unused


def divide(paths: Sequence[Path], seed: int, holdout: tuple[float, float], subject: str) -> dict[str, tuple[Path, ...]]:
    """Gives every split its own files, by the rank of a hash of seed and name.

    Takes of one recording stay together.

    Args:
        paths: the files of one kind in one class.
        seed: of the hash.
        holdout: shares of validation and test; at least one file each. A split with share 0 uses the training
            files.
        subject: what to name in a refusal.

    Returns:
        The files of train, validation and test.

    Raises:
        DataError: there are fewer independent files than splits.
    """
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(paths, key=lambda p: p.name):
        # Takes of one recording share its room and microphone: apart, test would know them from training.
        groups[TAKE.sub("", path.stem)].append(path)
    order = sorted(groups, key=lambda key: (hashlib.sha256(f"{seed}/{key}".encode()).digest(), key))
    parts: dict[str, list[Path]] = {"train": [], "validation": [], "test": []}
    least = 1 + sum(share > 0 for share in holdout)
    if len(groups) < least:
        raise DataError(subject, f"has {len(groups)} independent files; a hold-out in {least} parts needs {least}")
    for split, share in zip(("test", "validation"), (holdout[1], holdout[0]), strict=True):
        quota = max(1, round(share * len(paths))) if share > 0 else 0
        # So many must be left for the splits that come after.
        least -= share > 0
        while len(parts[split]) < quota and len(order) > least:
            parts[split] += groups[order.pop(0)]
    parts["train"] = [path for key in order for path in groups[key]]
    return {split: tuple(sorted(parts[split] or parts["train"])) for split in SPLITS}
