"""The options of the programs that measure spoken descriptions and speech units."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from avnet.workers.cores import available_cores
from data.splits import SplitName


@dataclass(frozen=True)
class SpeechConfig:
    """Measure spoken descriptions by what a speech recognizer makes of them, beside baselines without a describer.

    The recognized words are compared with texts of the same images by BLEU, METEOR with exact and stem matches, ROUGE-L
    and CIDEr-D. The recognizers know English only, and no other program reads the texts. Without --texts only figures
    that need none are shown, such as how often the generated speech retrieves its image.

    Example: python -m eval speech runs/describer/model --data spoken --texts descriptions.csv
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Model folder of `python -m train describer`."""
    data: Path
    """Folder that `python -m data spoken` wrote."""
    texts: Path | None = None
    """Source from which that folder was packed, which also has the texts. Without it no words are recognized."""
    split: Literal["validation", "test"] = "test"
    """Split to measure on; the recordings of train are the memory of the describer."""
    limit: int = 0
    """Maximum number of images, drawn at random; 0 takes all."""
    regions: Path | None = None
    """File of regions of the images, for a describer that was trained with one (`python -m train describer
    --regions`)."""
    no_collapsing: Path | None = None
    """Describer trained with --no-collapse, compared in a row of its own."""
    words: Path | None = None
    """Describer trained on the strings of `python -m eval words`, compared in the row of the text pipeline."""
    phones: Path | None = None
    """Describer trained on the strings of `python -m eval phones`, compared in a row of its own: flite says its phones,
    as in Image2Speech (2017)."""
    show_and_speak: Path | None = None
    """Model folder of `python -m train show-and-speak`, compared in a row of its own: spectra without units."""
    vocoder: Path | None = None
    """Model folder of `python -m train vocoder`, compared in rows of its own."""
    also: tuple[str, ...] = ()
    """More describers, each as NAME=FOLDER, compared in rows of their own."""
    voices: tuple[str, ...] = ()
    """More voices for the same units, each as NAME=FOLDER, compared in rows of their own."""
    temperatures: tuple[float, ...] = (0.2, 0.4, 0.7, 1.0)
    """Temperatures at which descriptions are sampled to measure how varied they are."""
    second_recognizer: bool = False
    """Also recognize speech with PocketSphinx, which is slow."""
    naturalness: int = 60
    """Number of recordings of each voice that DNSMOS rates for naturalness; 0 rates none."""
    language: str = "en"
    """Language of the texts of stamps."""
    images: Path | None = None
    """Folder of the images that JSON files or wav2capt.txt name."""
    recordings: Path | None = None
    """Folder of the recordings that JSON files or wav2capt.txt name."""
    out: Path | None = None
    """Folder for speech.json; by default `eval` in the model folder."""
    seed: int = 0
    """Seed with which images and descriptions are sampled."""

    def __post_init__(self):
        check_at_least(self, 0, "limit", "naturalness", "seed")
        if self.texts is None and self.second_recognizer:
            raise ConfigError("--second-recognizer", "needs --texts, with which the recognized words are compared")
        if min(self.temperatures, default=0) < 0:
            raise ConfigError("--temperatures", "must be at least 0")


@dataclass(frozen=True)
class UnitsConfig:
    """Compare how speech units segment recordings, and how far they agree with phones.

    Shows units per second, bit rate, perplexity and a plot; with the phones of the recordings (`python -m eval phones`)
    also purity, normalized mutual information and ABX, beside units drawn at random.

    Example: python -m eval units spoken --units runs/codes/model units --out inspected
    """

    recordings: Annotated[Path, tyro.conf.Positional]
    """Spoken corpus, of which the validation split is taken, or any folder of sound and video files."""
    units: tuple[Path, ...]
    """Folders of `python -m train units`, or spaces of `python -m train speech --codes`."""
    out: Path
    """Folder for units.json and a plot for each of the units."""
    phones: Path | None = None
    """Folder of `python -m eval phones`, of the same spoken corpus."""
    limit: int = 200
    """Maximum number of recordings, drawn at random."""
    seed: int = 0
    """Seed with which recordings, and comparisons for ABX, are drawn."""

    def __post_init__(self):
        if not self.units:
            raise ConfigError("--units", "must be one folder or more")
        check_at_least(self, 1, "limit")
        check_at_least(self, 0, "seed")


@dataclass(frozen=True)
class PhonesConfig:
    """Write the phones of a corpus that flite spoke, with their times, as strings of units.

    They are units that nobody could have without text, to compare others with: `python -m eval units --phones` measures
    how far units agree with them, and `python -m train describer --units` learns to describe images in them.

    Example: python -m eval phones spoken --texts descriptions.csv --out phones
    """

    data: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data spoken` wrote from the corpus of `python -m data speak`."""
    texts: Path
    """Source from which that folder was packed, which also has the texts."""
    out: Path
    """Folder for the strings."""
    splits: tuple[SplitName, ...] = ("train", "validation", "test")
    """Splits whose recordings become phones; the others have empty strings."""
    workers: int = field(default_factory=available_cores)
    """Number of programs of flite at a time."""
    timeout_s: float = 30.0
    """Maximum time for one text, in seconds."""

    def __post_init__(self):
        if not self.splits:
            raise ConfigError("--splits", "must be one or more of train, validation and test")
        if not 1 <= self.workers <= 1024:
            raise ConfigError("--workers", f"must be from 1 to 1024, got {self.workers}")
        if not 0 < self.timeout_s <= 3600:
            raise ConfigError("--timeout-s", f"must be more than 0 and at most 3600, got {self.timeout_s:g}")


@dataclass(frozen=True)
class WordsConfig:
    """Convert the texts of a spoken corpus to strings of words, for the text pipeline of `python -m eval speech`.

    A describer is trained on these strings as on units. It is a baseline, for it needs the texts that this project
    does without.

    Example: python -m eval words spoken --texts descriptions.csv --out words
    """

    data: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data spoken` wrote."""
    texts: Path
    """Source from which that folder was packed, which also has the texts."""
    out: Path
    """Folder for the strings, which `python -m train describer --units` takes."""
    least: int = 5
    """Minimum number of times that a word occurs in the training recordings; rarer words are left out."""
    language: str = "en"
    """Language of the texts of stamps."""
    images: Path | None = None
    """Folder of the images that JSON files or wav2capt.txt name."""
    recordings: Path | None = None
    """Folder of the recordings that JSON files or wav2capt.txt name."""

    def __post_init__(self):
        check_at_least(self, 1, "least")
