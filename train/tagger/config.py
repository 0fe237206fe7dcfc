"""Every option of `python -m train tagger`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from train.engine.options import RunOptions


@dataclass(frozen=True)
class TaggerTrainConfig(RunOptions):
    """Train a tagger, which names what images show in words that their captions say.

    It learns the most frequent content words of the training captions (in English), and where in an image each is seen,
    of which no caption tells.

    Example: python -m train tagger captions --backbone backbone --out runs/tagger
    """

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data captions` wrote."""
    backbone: Path
    """Image tower: a folder of `python -m train imagenet` or `python -m train vit`. It stays as it is."""
    out: Path
    """Folder of the run; the same command again resumes it. The tagger that is best on validation is written to
    OUT/model."""
    words: int = 1000
    """Number of words that it learns, at most."""
    precision: float = 0.5
    """Precision that the threshold of each word shall have on validation, where a tag is right if at least one caption
    says it."""
    steps: int = field(default=400, kw_only=True)
    learning_rate: float = field(default=5e-4, kw_only=True)
    validate_every: int = field(default=100, kw_only=True)
    checkpoint_every: int = field(default=100, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 1, "words")
        if not 0 <= self.precision <= 1:
            raise ConfigError("--precision", f"must be from 0 to 1, got {self.precision}")
