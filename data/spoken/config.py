"""The options of the programs that make corpora of spoken descriptions."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from avnet.errors import ConfigError
from avnet.workers.cores import available_cores

# Lengths of a recording that is a description, seconds.
MIN_S, MAX_S = 0.3, 30.0


@dataclass(frozen=True)
class SpeakConfig:
    """Turn images with written captions into a corpus of spoken descriptions, by speech synthesis.

    Writes OUT/corpus.csv (image, recording, speaker, text, split) and OUT/recordings/*.wav, with the voices of
    Debian's flite. An interrupted run continues when the same command is run again.

    Example: python -m data speak captions.csv --images images --out spoken --voice slt rms
    """

    captions: Annotated[Path, tyro.conf.Positional]
    """CSV file with the columns image, caption and, if it is known, split."""
    out: Path
    """Folder for the corpus."""
    voice: tuple[str, ...] = ("slt",)
    """Voices of flite: slt, rms or awb. With several, the captions of an image take turns."""
    images: Path | None = None
    """Folder to which the names of the images are relative; by default that of the CSV file."""
    workers: int = field(default_factory=available_cores)
    """Number of captions that are synthesized at once."""
    timeout_s: float = 30.0
    """Seconds after which a caption is given up."""

    def __post_init__(self):
        if not self.voice or len(set(self.voice)) < len(self.voice):
            raise ConfigError("--voice", "must name at least one voice, and none twice")
        if not 1 <= self.workers <= 1024:
            raise ConfigError("--workers", f"must be from 1 to 1024, got {self.workers}")
        if not 0 < self.timeout_s <= 3600:
            raise ConfigError("--timeout-s", f"must be more than 0 and at most 3600, got {self.timeout_s:g}")


@dataclass(frozen=True)
class SpokenConfig:
    """Pack images with spoken descriptions into a corpus for training.

    Reads a CSV file (image, recording, and optionally speaker and split; a column of text is not read), JSON files as
    those of SpokenCOCO and Places Audio, the Flickr8k audio captions, SPEECH-COCO, or Tux Paint stamps with their
    recorded names. What cannot be used is listed with the reason.

    Example: python -m data spoken descriptions.csv --out corpus
    """

    source: Annotated[Path, tyro.conf.Positional]
    """CSV or JSON file, or a folder with corpus.csv, JSON files, wav2capt.txt, SPEECH-COCO or stamps."""
    out: Path
    """Folder for the corpus; an earlier corpus there is replaced."""
    language: str = "en"
    """Language of the recordings of stamps, a code such as fr or pt_BR."""
    images: Path | None = None
    """Folder of the images that JSON files, wav2capt.txt or SPEECH-COCO name."""
    recordings: Path | None = None
    """Folder of the recordings that JSON files, wav2capt.txt or SPEECH-COCO name."""
    min_s: float = MIN_S
    """Least length of a recording in seconds; shorter ones are left out."""
    max_s: float = MAX_S
    """Greatest length of a recording in seconds; longer ones are left out."""

    def __post_init__(self):
        if not 0 <= self.min_s < self.max_s <= 3600:
            raise ConfigError(
                "--min-s, --max-s", f"must be from 0 to 3600 in order, got {self.min_s:g} and {self.max_s:g}"
            )
