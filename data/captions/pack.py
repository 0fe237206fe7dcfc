"""`python -m data captions`: images with written captions, checked once and packed for training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avnet.errors import DataError
from avnet.files.whole import refuse_other, whole_folder
from data.captions.config import CaptionsConfig
from data.captions.corpus import FORMAT, open_captions
from data.captions.readers.row import Caption, check_rows
from data.captions.readers.source import rows_of
from data.images.storage import store_images, why_foreign, write_listing
from data.left_out import report
from data.splits import SPLITS


def pack(config: CaptionsConfig) -> dict[str, int]:
    """Runs the whole command.

    Returns:
        What it prints: captions, images by split, and what was left out.

    Raises:
        DataError: the source holds no captions, or none that can be used.
        ConfigError: an option does not fit the source.
    """
    refuse_other(config.out, _foreign, DataError)
    captions, left_out = check_rows(rows_of(config.source, config.images, config.language), config.max_words)
    # An earlier corpus stays until the new one is whole.
    with whole_folder(config.out, _foreign, DataError) as temporary:
        numbers = store_images((one.image for one in captions), temporary, left_out)
        usable = [one for one in captions if one.image in numbers]
        if not usable:
            why = f"; the first of {len(left_out)} rows: {left_out[0]}" if left_out else ""
            raise DataError(config.source, f"holds no caption that can be used{why}")
        write_listing(temporary, listing(numbers, usable), left_out)
    report(left_out)
    return summary(config.out, len(left_out))


def _foreign(folder: Path) -> str | None:
    """Why a folder that is not empty is not to be replaced by a corpus; None where it is one."""
    return why_foreign(folder, FORMAT, "a corpus of captions")


def listing(numbers: dict[Path, int], captions: Sequence[Caption]) -> dict[str, Any]:
    """What `open_captions` reads."""
    splits = {one.image: one.split for one in captions}
    return {
        "format": FORMAT,
        "images": [path.name for path in numbers],
        "splits": [splits[path] for path in numbers],
        "image_of": [numbers[one.image] for one in captions],
        "texts": [one.text for one in captions],
    }


def summary(folder: Path, left_out: int) -> dict[str, int]:
    """Counts, printed and returned."""
    corpus = open_captions(folder)
    figures = {
        "captions": len(corpus.texts),
        **{f"images, {split}": corpus.splits.count(split) for split in SPLITS},
        "left out": left_out,
    }
    for name, value in figures.items():
        print(f"{name:<24}{value:>10}")
    print(f"corpus: {folder}")
    return figures
