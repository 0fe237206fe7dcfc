"""The options of the program that embeds an archive."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.index import IndexOptions
from avnet.errors import ConfigError
from avnet.workers.cores import available_cores
from data.corpus.config import check_place


@dataclass(frozen=True, kw_only=True)
class EmbedConfig(IndexOptions):
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
    workers: int = field(default_factory=available_cores)
    """Number of processes on this machine; unused with another --runner."""
    runner: str = "pool"
    """Who does the work: pool for processes on this machine, or a runner of Apache Beam (FnApiRunner, DataflowRunner,
    FlinkRunner and others), which needs the extra `beam`."""
    beam_options: tuple[str, ...] = ()
    """Pipeline options of Apache Beam, each as name=value."""
    scratch: str | Path | None = None
    """Folder for what is embedded until it is in the index, which is not read by anything else; also an address such as
    s3:// or gs://. Default: a folder in the index."""

    def __post_init__(self):
        super().__post_init__()
        if not self.inputs:
            raise ConfigError("INPUTS", "are missing: name at least one file or folder")
        if self.scratch is not None:
            check_place(str(self.scratch), "--scratch")
        if self.runner == "pool" and self.beam_options:
            raise ConfigError("--beam-options", "needs a --runner of Apache Beam")
