"""`avnet index`: puts the frames and sounds of files into an index that can be searched."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, NoReturn

import tyro

from avnet.apps.index import IndexOptions, IndexReport, index_files, watch_files
from avnet.cli.model_argument import DEFAULT_INDEX, ModelFirst, ModelOption, is_index, show_model
from avnet.errors import ConfigError, Interruption, OptionError
from avnet.events import Listener
from avnet.program.progress import show_progress
from avnet.workers.cores import available_cores
from avnet.zoo.reference import BASE, Source, locate


@dataclass(frozen=True, kw_only=True)
class IndexConfig(ModelFirst, IndexOptions):
    """Index the frames and sounds of videos, images and sound files for `avnet search`.

    Run it again to continue after an interruption or to add files; files that are indexed and unchanged are skipped.
    With --update, moved and deleted files are noticed too; with --watch, again and again until Ctrl-C.
    Files that cannot be read are named on stderr and in INDEX/rejected.jsonl. Silence is not indexed as a sound.

    Example: avnet index ~/Videos ~/Pictures
    """

    watch: bool = False
    """Keep the index up to date until Ctrl-C: look for changes again and again. Implies --update."""
    interval: float = 30.0
    """With --watch, seconds from one look to the next."""

    workers: int = field(default_factory=available_cores)
    """Number of processes that embed; fewer where there are few files. What comes of it is the same for any number."""

    model: ModelOption = BASE
    """Model whose embeddings can be compared, as AVE-Net's: a folder, a name, or hf://user/model. It may stand first,
    and the index after it."""
    index: Path = DEFAULT_INDEX
    """Folder of the index; created if it does not exist."""
    inputs: Annotated[tuple[str | Path, ...], tyro.conf.Positional]
    """Files, and folders that are searched for them; also addresses such as s3:// or gs://."""

    @classmethod
    def in_full(cls, arguments: list[str]) -> list[str]:
        """As for other commands; also with `--index` before an index that stands after the model, or first."""
        full = super().in_full(arguments)
        start = full[:2] if full is not arguments else []
        places, options = full[len(start) :], any(argument.split("=")[0] == "--index" for argument in arguments)
        several = len(places) > 1 and not places[0].startswith("-") and not places[1].startswith("-")
        if several and not options and (start or is_index(Path(places[0]))):
            return [*start, "--index", *places]
        return full

    def __post_init__(self):
        if self.watch:
            object.__setattr__(self, "update", True)
        super().__post_init__()
        if not 0.1 <= self.interval <= 86400:
            raise OptionError("interval", f"must be from 0.1 to 86400 seconds, got {self.interval:g}")
        if not self.inputs:
            raise ConfigError("INPUTS", "are missing: name at least one file or folder")


def run(config: IndexConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model, the index, an option or all of the inputs cannot be used.
    """
    with show_progress() as on_event:
        source = locate(config.model, on_event)
        if config.watch:
            _watch(config, source, on_event)
        report = index_files(source.folder, config.index, config.inputs, config, on_event)
    print(*report.changes(config.index), sep="\n")
    show_model(source)
    print(report.total(config.index))


def _watch(config: IndexConfig, source: Source, on_event: Listener) -> NoReturn:
    def show(report: IndexReport) -> None:
        if report.changed:
            print(*report.changes(config.index), report.total(config.index), sep="\n")
            sys.stdout.flush()  # whoever reads a pipe wants to know now

    try:
        watch_files(source.folder, config.index, config.inputs, config, config.interval, show, on_event)
    except KeyboardInterrupt:
        raise Interruption(f"stopped; {config.index} holds all that was embedded") from None
    raise AssertionError("watching does not end by itself")
