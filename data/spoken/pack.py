"""`python -m data spoken`: pictures with spoken descriptions, checked once and packed for training."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from avnet.audio.pcm import SPEECH_RATE
from avnet.audio.recordings import write_recordings
from avnet.errors import AvnetError, DataError, MediaError
from avnet.files.whole import whole_folder
from avnet.media.image import read_image, resize_short_side
from data.left_out import LeftOut, report
from data.runners.threads import in_order
from data.spoken.config import SpokenConfig
from data.spoken.packed import FORMAT, LEFT_OUT, LISTING, PICTURES, SHORT_SIDE, SPLITS, open_corpus
from data.spoken.readers.description import Description
from data.spoken.readers.source import open_spoken
from data.spoken.recordings import read_each, read_speech

# Of the stored pictures, as Pillow counts it.
QUALITY = 95


def spoken(config: SpokenConfig) -> dict[str, int]:
    """Runs the whole command.

    Returns:
        What it prints: pictures, recordings and what was left out.

    Raises:
        DataError: the source is no corpus, or nothing in it can be used.
    """
    if config.out.exists() and not config.out.is_dir():
        raise DataError(config.out, "is not a folder; choose another --out")
    if config.out.exists() and not (config.out / LISTING).is_file() and any(config.out.iterdir()):
        raise DataError(config.out, "is not empty and not a spoken corpus; choose another --out")
    found = open_spoken(config.source, language=config.language, pictures=config.images, recordings=config.recordings)
    left_out = list(found.left_out)
    with whole_folder(config.out, DataError) as temporary:
        (temporary / PICTURES).mkdir()
        numbers = store_pictures(found.descriptions, temporary / PICTURES, left_out)
        listed = [one for one in found.descriptions if one.picture in numbers]
        kept: list[Description] = []
        write_recordings(temporary, waveforms(listed, kept, left_out, config))
        if not kept:
            raise DataError(config.source, f"holds no description that can be used; first {left_out[0]}")
        (temporary / LISTING).write_text(json.dumps(listing(numbers, kept)) + "\n")
        (temporary / LEFT_OUT).write_text(json.dumps([asdict(one) for one in left_out], indent=2) + "\n")
    report(left_out)
    return summary(config.out, len(left_out))


def store_pictures(descriptions: Sequence[Description], folder: Path, left_out: list[LeftOut]) -> dict[Path, int]:
    """Writes each picture once, at most 256 pixels at its short side; gives their numbers."""
    wanted = list(dict.fromkeys(one.picture for one in descriptions))

    def read(path: Path) -> np.ndarray | MediaError:
        try:
            picture = read_image(path)
            return resize_short_side(picture, min(SHORT_SIDE, *picture.shape[:2]))
        except MediaError as error:
            return error

    numbers: dict[Path, int] = {}
    for path, picture in zip(wanted, in_order(read, wanted, 0), strict=True):
        if isinstance(picture, MediaError):
            left_out.append(LeftOut("", picture.subject, picture.reason))
        else:
            Image.fromarray(picture).save(folder / f"{len(numbers):07d}.jpg", quality=QUALITY)
            numbers[path] = len(numbers)
    return numbers


def waveforms(
    descriptions: Sequence[Description], kept: list[Description], left_out: list[LeftOut], config: SpokenConfig
) -> Iterator[np.ndarray]:
    """Yields what can be used, and notes which descriptions these are."""

    def read(path: Path) -> np.ndarray:
        return read_speech(path, min_s=config.min_s, max_s=config.max_s)

    paths = [one.recording for one in descriptions]
    for one, (_, found) in zip(descriptions, read_each(paths, read), strict=True):
        if isinstance(found, AvnetError):
            left_out.append(LeftOut("", found.subject, found.reason))
        else:
            kept.append(one)
            yield found


def listing(numbers: dict[Path, int], kept: Sequence[Description]) -> dict[str, Any]:
    """What `open_corpus` reads."""
    splits = {one.picture: one.split for one in kept}
    return {
        "format": FORMAT,
        "pictures": [path.name for path in numbers],
        "splits": [splits.get(path, SPLITS[0]) for path in numbers],
        "picture_of": [numbers[one.picture] for one in kept],
        "speakers": [one.speaker or "" for one in kept],
        "files": [str(one.recording.absolute()) for one in kept],
    }


def summary(folder: Path, left_out: int) -> dict[str, int]:
    """Counts, printed and returned."""
    corpus = open_corpus(folder)
    described = np.unique(corpus.picture_of)
    found = {
        "recordings": len(corpus.recordings),
        "seconds": round(float(corpus.recordings.lengths.sum()) / SPEECH_RATE),
        **{f"pictures, {split}": sum(corpus.splits[i] == split for i in described) for split in SPLITS},
        "left out": left_out,
    }
    for name, value in found.items():
        print(f"{name:<24}{value:>10}")
    print(f"corpus: {folder}")
    return found
