"""The options of the program that measures tags."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.program.bounds import check_at_least


@dataclass(frozen=True)
class TagsConfig:
    """Measure the tags of a tagger by the captions of images that it did not learn from.

    A word is true of an image if at least one of its captions says it, or, stricter, at least two. Average precision is
    of the images ranked by a word, beside that of a random order (a tagger that knows only how frequent words are), and
    of ridge regression from the mean features of images to the words.

    Example: python -m eval tags captions runs/tagger/model --split test
    """

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data captions` wrote."""
    model: Annotated[Path, tyro.conf.Positional]
    """Model folder of `python -m train tagger`."""
    split: Literal["validation", "test"] = "test"
    """Split to measure on; the baselines learn from train."""
    words: int = 300
    """Number of the most frequent content words of the training captions that are measured."""
    out: Path | None = None
    """Folder for tags.json; by default `eval` in the model folder."""

    def __post_init__(self):
        check_at_least(self, 1, "words")
