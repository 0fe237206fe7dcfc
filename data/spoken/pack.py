"""`python -m data spoken`: images with spoken descriptions, checked once and packed for training."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avnet.audio.pcm import SPEECH_RATE
from avnet.audio.recordings import ENDS, SAMPLES, write_recordings
from avnet.errors import AvnetError, DataError
from avnet.files.whole import refuse_other, whole_folder
from data.images.storage import store_images, why_foreign, write_listing
from data.left_out import LeftOut, report
from data.splits import SPLITS
from data.spoken.config import SpokenConfig
from data.spoken.corpus import FORMAT, open_corpus
from data.spoken.readers.description import Description
from data.spoken.readers.source import read_source
from data.spoken.recordings import read_each, read_speech


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
        numbers = store_images((one.image for one in source.descriptions), temporary, left_out)
        candidates = [one for one in source.descriptions if one.image in numbers]
        usable: list[Description] = []
        write_recordings(temporary, waveforms(candidates, usable, left_out, config))
        if not usable:
            raise DataError(config.source, f"holds no description that can be used; first {left_out[0]}")
        write_listing(temporary, listing(numbers, usable), left_out)
    report(left_out)
    return summary(config.out, len(left_out))


def _foreign(folder: Path) -> str | None:
    """Why a folder that is not empty is not to be replaced by a corpus; None where it is one."""
    return why_foreign(folder, FORMAT, "a spoken corpus", (SAMPLES, ENDS))


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
