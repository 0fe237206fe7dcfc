"""`avnet index`: puts the frames and sounds of files into an index that can be searched."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.index import REJECTS, IndexOptions, index_files
from avnet.cli.model_argument import DEFAULT_INDEX, ModelFirst, ModelOption, is_index, show_model
from avnet.errors import ConfigError
from avnet.media.clips import SILENCE_DBFS
from avnet.program.progress import show_progress
from avnet.zoo.reference import BASE, locate


@dataclass(frozen=True, kw_only=True)
class IndexConfig(ModelFirst, IndexOptions):
    """Index the frames and sounds of videos, images and sound files for `avnet search`.

    Run it again to continue after an interruption or to add files; files that are indexed and unchanged are skipped.
    Files that cannot be read are named on stderr and in INDEX/rejected.jsonl. Silence is not indexed as a sound.

    Example: avnet index ~/Videos ~/Pictures
    """

    model: ModelOption = BASE
    """Model whose embeddings can be compared, as AVE-Net's: a folder, a name, or hf://user/model. It may stand first,
    and the index after it."""
    index: Path = DEFAULT_INDEX
    """Folder of the index; created if it does not exist."""
    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Files, and folders that are searched for them."""

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
        super().__post_init__()
        if not self.inputs:
            raise ConfigError("INPUTS", "are missing: name at least one file or folder")


def run(config: IndexConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model, the index, an option or all of the inputs cannot be used.
    """
    with show_progress() as on_event:
        source = locate(config.model, on_event)
        report = index_files(source.folder, config.index, config.inputs, config, on_event)
    print(f"added {report.images} images and {report.sounds} sounds of {report.files} files")
    if report.silent:
        print(f"left out {report.silent} silent clips (below {SILENCE_DBFS:g} dBFS)")
    if report.unchanged:
        print(f"skipped {report.unchanged} files that were there already")
    if report.refusals:
        print(f"rejected {len(report.refusals)} files; see {config.index / REJECTS}")
    show_model(source)
    total = f"{report.counts['image']} images and {report.counts['sound']} sounds of {report.indexed_files} files"
    print(f"{config.index} holds {total}")
