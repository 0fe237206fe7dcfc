"""The options of the program that embeds an archive."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.index import IndexOptions
from avnet.errors import ConfigError
from data.corpus.config import check_place
from data.runners.options import RunnerOptions


@dataclass(frozen=True, kw_only=True)
class EmbedConfig(RunnerOptions, IndexOptions):
    """Embed an archive into an index, by processes of this machine or by a runner of Apache Beam.

    As `avnet index`, of which it is the form for clusters. Media and --scratch lie where all machines reach them, in a
    store of objects or under the same paths; the index is written by this machine alone.

    Example: python -m data embed base index ~/Videos --runner FnApiRunner
    """

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """Model whose embeddings can be compared: a folder, a name, or hf://user/model."""
    index: Annotated[Path, tyro.conf.Positional]
    """Folder of the index; created if it does not exist."""
    inputs: Annotated[tuple[str | Path, ...], tyro.conf.Positional]
    """Files, and folders that are searched for them; also addresses such as s3:// or gs://."""
    scratch: str | Path | None = None
    """Folder for what is embedded until it is in the index, which is not read by anything else; also an address such as
    s3:// or gs://. Default: a folder in the index."""

    def __post_init__(self):
        RunnerOptions.__post_init__(self)
        IndexOptions.__post_init__(self)
        if not self.inputs:
            raise ConfigError("INPUTS", "are missing: name at least one file or folder")
        if self.scratch is not None:
            check_place(str(self.scratch), "--scratch")
