"""The options of the program that compares written descriptions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least


@dataclass(frozen=True)
class CaptionsConfig:
    """Compare written descriptions of held-out images, beside people and baselines without a captioner.

    All models describe the same images and are compared with what people wrote: BLEU, METEOR with exact and stem
    matches, ROUGE-L, CIDEr-D, F of tuples; beside them stand variety, faults of form, size and time. Intervals are of
    95 %, by drawing the images again.

    Example: python -m eval captions captions runs/up-down/model runs/x-lan/model --out report
    """

    captions: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data captions` wrote."""
    models: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Model folders of `python -m train captioner`, each as FOLDER or as NAME=FOLDER."""
    out: Path
    """Folder for captions.json, captions.md, captions.html and descriptions.json."""
    split: Literal["validation", "test"] = "test"
    """Split to measure on; the captions of train serve the baselines."""
    limit: int = 0
    """Maximum number of images, drawn at random; 0 takes all."""
    tagger: str | None = None
    """Model folder of `python -m train tagger`, whose tags fill a template. Without it that row is left out."""
    boxes: Path | None = None
    """CSV file of what words name in images, with the columns image, word, left, top, right, bottom (shares of the
    image): how much of the attention to these words lies there, beside the share of the image that it is."""
    candidates: int = 10
    """Number of descriptions of an image, of which the best is compared; their variety is measured too."""
    reward: float = 0.0
    """Reward of the search for each word; more makes longer descriptions."""
    consensus: float = 16.0
    """Weight of how much a description agrees with captions of similar images; 0 compares the likeliest one."""
    draws: int = 1000
    """Number of times that the images are drawn again for intervals; 0 gives none."""
    pictures: int = 24
    """Number of images on the page, drawn at random."""
    seed: int = 0
    """Seed with which images are drawn."""

    def __post_init__(self):
        check_at_least(self, 0, "limit", "draws", "pictures", "seed", "reward", "consensus")
        if not 1 <= self.candidates <= 64:
            raise ConfigError("--candidates", f"must be from 1 to 64, got {self.candidates}")
