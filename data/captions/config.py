"""The options of the program that makes corpora of written captions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.errors import ConfigError


@dataclass(frozen=True)
class CaptionsConfig:
    """Pack images with captions that people wrote into a corpus for training.

    Reads Karpathy's JSON files, annotations of COCO, Flickr8k.token.txt and its like, tables of Conceptual Captions,
    CSV files (image, caption, and optionally split), and the texts of corpora that `python -m data spoken` reads.
    Nothing is downloaded. What cannot be used is listed with the reason.

    Example: python -m data captions dataset_flickr8k.json --images Flicker8k_Dataset --out captions
    """

    source: Annotated[Path, tyro.conf.Positional]
    """JSON, CSV, TSV or token file, or a folder with such files or with spoken descriptions."""
    out: Path
    """Folder for the corpus; an earlier corpus there is replaced."""
    images: Path | None = None
    """Folder of the images; by default they are looked for in and beside the folder of the captions."""
    language: str = "en"
    """Language of the texts of stamps, a code such as fr or pt_BR."""
    max_words: int = 100
    """Greatest length of a caption in words; longer ones are left out."""

    def __post_init__(self):
        if not 1 <= self.max_words <= 10_000:
            raise ConfigError("--max-words", f"must be from 1 to 10000, got {self.max_words}")
