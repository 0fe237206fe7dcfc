"""The options of the programs that prepare records and look after them."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.errors import ConfigError
from avnet.files.storage import is_address
from avnet.media.sandbox.limits import Limits
from avnet.program.bounds import check_at_least, check_fractions
from data.runners.options import RunnerOptions
from data.sampling.config import SamplingConfig
from data.splits import FRACTIONS


@dataclass(frozen=True)
class PrepareConfig(RunnerOptions):
    """Turn videos into records that training and evaluation read.

    Files that cannot be used are listed in the manifest, each with the reason.

    Example: python -m data prepare ~/Videos --out corpus
    """

    videos: Annotated[tuple[str | Path, ...], tyro.conf.Positional]
    """Video files, or folders that are searched for them; also addresses such as s3:// or gs://."""
    out: Annotated[str | Path, tyro.conf.arg(metavar="PATH|URL")]
    """Folder for the records; an interrupted run continues when the same command is run again."""
    split_by: Literal["hash", "rank", "folder"] = "hash"
    """How to choose the split of a video: hash takes the hash of its content, so that splits stay when videos are
    added; rank takes the order of the hashes, which gives small collections their exact shares; folder takes the name
    of its folder: train, validation or test. By hash or rank, no split that has a share is left empty as long as there
    are as many videos."""
    fractions: tuple[float, float, float] = FRACTIONS
    """Shares of train, validation and test; unused with --split-by folder."""
    labels: Path | None = None
    """CSV file with the columns file,label. Only evaluation reads the labels, training never does."""
    sampling: Annotated[SamplingConfig, tyro.conf.OmitArgPrefixes] = field(default_factory=SamplingConfig)
    """What is kept of each video."""
    limits: Annotated[Limits, tyro.conf.OmitArgPrefixes] = field(default_factory=Limits)
    """What decoding one video may take."""
    videos_per_shard: int = 64
    """Number of videos in a shard, which is the unit of work."""
    overwrite: bool = False
    """Delete what an earlier run with other options left in the folder."""

    def __post_init__(self):
        super().__post_init__()
        if not self.videos:
            raise ConfigError("VIDEOS", "names no file or folder")
        check_fractions(self.fractions)
        check_at_least(self, 1, "videos_per_shard")
        check_place(str(self.out), "--out")


def check_place(place: str, option: str) -> None:
    """Refuses what is neither a path nor the address of a place where files can be stored.

    Raises:
        ConfigError: says why.
    """
    if "://" in place and not is_address(place):
        raise ConfigError(option, f"must be a folder or an address such as s3://bucket/corpus, got {place}")
    try:
        place.encode()
    except UnicodeEncodeError:
        raise ConfigError(option, f"must be a name in UTF-8, got {os.fsencode(place)!r}") from None


@dataclass(frozen=True)
class InspectConfig:
    """Show what a folder of records holds: counts, minutes, rejects by reason, and a contact sheet.

    Example: python -m data inspect corpus
    """

    data: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data prepare` wrote."""
    tiles: int = 48
    """Number of frames on the contact sheet, evenly spaced over the records; 0 for no contact sheet."""

    def __post_init__(self):
        if not 0 <= self.tiles <= 1000:
            raise ConfigError("--tiles", f"must be from 0 to 1000, got {self.tiles}")


@dataclass(frozen=True)
class VerifyConfig:
    """Check that records are unchanged and complete, and that every frame and sound in them can be decoded.

    Example: python -m data verify corpus
    """

    data: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data prepare` wrote."""


@dataclass(frozen=True)
class RepairConfig:
    """Rebuild lost or damaged shards from the original videos, byte for byte.

    The files that describe the shards are rebuilt too. Nothing is changed where a video is gone or has changed.

    Example: python -m data repair corpus
    """

    data: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data prepare` wrote."""


@dataclass(frozen=True)
class StatsConfig:
    """Plot durations, loudness, motion and rejects of a folder of records.

    Writes stats.png and stats.json into the folder.

    Example: python -m data stats corpus
    """

    data: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data prepare` wrote."""
