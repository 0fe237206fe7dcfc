"""`avnet tag`: words for images."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.tags import TaggedImage, TagOptions, tag_images
from avnet.cli.model_argument import show_model
from avnet.errors import ConfigError
from avnet.pages.tags import row_of, write_heatmaps
from avnet.program.output import output_folder
from avnet.program.progress import show_progress
from avnet.zoo.reference import locate


@dataclass(frozen=True, kw_only=True)
class TagConfig(TagOptions):
    """Name what images show, with a model of `python -m train tagger`.

    Prints the words and their probabilities for each image, the most probable first. Files that are not images are
    named on stderr and left out.

    Example: avnet tag runs/tagger/model garden.jpg --top 5
    """

    model: Annotated[str, tyro.conf.Positional]
    """Tagger: a folder, or hf://user/model."""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Images, and folders that are searched for them."""
    json: bool = False
    """Print a list with one object an image, for catalogues, in place of a table."""
    heatmaps: Path | None = None
    """Folder for NAME.WORD.png, which shows where in the image each tag is seen."""

    def __post_init__(self):
        super().__post_init__()
        if not self.images:
            raise ConfigError("IMAGES", "are missing: name at least one file or folder")


def run(config: TagConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model or an option cannot be used, or none of the images can.
    """
    keys: set[str] = set()
    rows = []
    with show_progress() as on_event:
        source = locate(config.model, on_event)
        folder = None if config.heatmaps is None else output_folder(config.heatmaps)
        tagged = tag_images(source.folder, config.images, config, on_event, heatmaps=folder is not None)
        for one in tagged:
            if folder is not None:
                write_heatmaps(one, folder, keys)
            rows.append(row_of(one))
            if not config.json:
                print("\n".join(lines(one)))
    if config.json:
        print(json.dumps(rows, indent=2))
    show_model(source, on_stderr=config.json)
    if config.heatmaps is not None and not config.json:
        print(f"heatmaps: {config.heatmaps}")


def lines(one: TaggedImage) -> list[str]:
    """The image, and a line for each of its tags."""
    if not one.tags:
        return [f"{one.file}: nothing that this model has a word for"]
    width = max(len(tag.name) for tag in one.tags)
    return [f"{one.file}:", *(f"  {tag.name:<{width}}  {tag.probability:.2f}" for tag in one.tags)]
