"""`python -m data spoken`: images with spoken descriptions, checked once and packed for training."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from avnet.audio.pcm import SPEECH_RATE
from avnet.audio.recordings import ENDS, SAMPLES, write_recordings
from avnet.errors import AvnetError, DataError, MediaError
from avnet.files.ownership import RECEIPTS
from avnet.files.whole import refuse_other, whole_folder
from avnet.media.image import read_image, resize_short_side
from data.left_out import LeftOut, report
from data.runners.threads import in_order
from data.spoken.config import SpokenConfig
from data.spoken.corpus import FORMAT, IMAGES, LEFT_OUT, LISTING, SHORT_SIDE, SPLITS, open_corpus
from data.spoken.readers.description import Description
from data.spoken.readers.source import read_source
from data.spoken.recordings import read_each, read_speech

# Of the stored images, as Pillow counts it.
QUALITY = 95


def pack(config: SpokenConfig) -> dict[str, int]:
    """Runs the whole command.

    Returns:
        What it prints: images, recordings and what was left out.

    Raises:
        DataError: the source is no corpus, or nothing in it can be used.
    """
    refuse_other(config.out, _foreign, DataError)
    source = read_source(config.source, language=config.language, images=config.images, recordings=config.recordings)
    left_out = list(source.left_out)
    # An earlier corpus stays until the new one is whole.
    with whole_folder(config.out, _foreign, DataError) as temporary:
        (temporary / IMAGES).mkdir()
        numbers = store_images(source.descriptions, temporary / IMAGES, left_out)
        candidates = [one for one in source.descriptions if one.image in numbers]
        usable: list[Description] = []
        write_recordings(temporary, waveforms(candidates, usable, left_out, config))
        if not usable:
            raise DataError(config.source, f"holds no description that can be used; first {left_out[0]}")
        (temporary / LISTING).write_text(json.dumps(listing(numbers, usable)) + "\n")
        (temporary / LEFT_OUT).write_text(json.dumps([asdict(one) for one in left_out], indent=2) + "\n")
    report(left_out)
    return summary(config.out, len(left_out))


def _foreign(folder: Path) -> str | None:
    """Why a folder that is not empty is not to be replaced by a corpus; None where it is one."""
    if not (folder / LISTING).is_file():
        return "it is not empty, and not a spoken corpus"
    own = (LISTING, LEFT_OUT, IMAGES, SAMPLES, ENDS, RECEIPTS)
    # Arrays are what programs have computed from the corpus and keep beside it.
    caches = (".npy", ".safetensors")
    others = sorted(e.name for e in folder.iterdir() if e.name not in own and e.suffix not in caches)
    return f"it holds {others[0]}, which avnet did not write" if others else None


def store_images(descriptions: Sequence[Description], folder: Path, left_out: list[LeftOut]) -> dict[Path, int]:
    """Writes each image once, at most 256 pixels at its short side; gives their numbers."""
    paths = list(dict.fromkeys(one.image for one in descriptions))

    def read(path: Path) -> np.ndarray | MediaError:
        try:
            image = read_image(path)
            return resize_short_side(image, min(SHORT_SIDE, *image.shape[:2]))
        except MediaError as error:
            return error

    numbers: dict[Path, int] = {}
    for path, image in zip(paths, in_order(read, paths, 0), strict=True):
        if isinstance(image, MediaError):
            left_out.append(LeftOut("", image.subject, image.reason))
        else:
            Image.fromarray(image).save(folder / f"{len(numbers):07d}.jpg", quality=QUALITY)
            numbers[path] = len(numbers)
    return numbers


def waveforms(
    descriptions: Sequence[Description], usable: list[Description], left_out: list[LeftOut], config: SpokenConfig
) -> Iterator[np.ndarray]:
    """Yields what can be used, and notes which descriptions these are."""

    def read(path: Path) -> np.ndarray:
        return read_speech(path, min_s=config.min_s, max_s=config.max_s)

    paths = [one.recording for one in descriptions]
    for one, (_, result) in zip(descriptions, read_each(paths, read), strict=True):
        if isinstance(result, AvnetError):
            left_out.append(LeftOut("", result.subject, result.reason))
        else:
            usable.append(one)
            yield result


def listing(numbers: dict[Path, int], descriptions: Sequence[Description]) -> dict[str, Any]:
    """What `open_corpus` reads."""
    splits = {one.image: one.split for one in descriptions}
    return {
        "format": FORMAT,
        "images": [path.name for path in numbers],
        # An image whose recordings were all left out is described by none, so any split will do.
        "splits": [splits.get(path, SPLITS[0]) for path in numbers],
        "image_of": [numbers[one.image] for one in descriptions],
        "speakers": [one.speaker or "" for one in descriptions],
        # Absolute: by these names evaluation finds the texts, wherever it runs.
        "files": [str(one.recording.absolute()) for one in descriptions],
    }


def summary(folder: Path, left_out: int) -> dict[str, int]:
    """Counts, printed and returned."""
    corpus = open_corpus(folder)
    images = np.unique(corpus.image_of)
    figures = {
        "recordings": len(corpus.recordings),
        "seconds": round(float(corpus.recordings.lengths.sum()) / SPEECH_RATE),
        **{f"images, {split}": sum(corpus.splits[i] == split for i in images) for split in SPLITS},
        "left out": left_out,
    }
    for name, value in figures.items():
        print(f"{name:<24}{value:>10}")
    print(f"corpus: {folder}")
    return figures
