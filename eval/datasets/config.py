"""The options of the program that counts what there is of a dataset."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.errors import ConfigError
from eval.readers.lists.registry import DatasetName


@dataclass(frozen=True)
class DatasetConfig:
    """Count the clips that the list of a published dataset names, and name those whose files are missing.

    With --out the files that are there are written with their classes as a table, which `python -m data prepare
    --labels` and `--labels-from` of other programs read.

    Example: python -m eval dataset vggsound vggsound.csv --media videos --out vggsound
    """

    dataset: Annotated[DatasetName, tyro.conf.Positional]
    """Dataset whose list it is: vggsound, audioset, kinetics-sounds, ave, esc50, dcase or flickr-soundnet."""
    list_file: Annotated[Path, tyro.conf.Positional]
    """List as it was published: a file, or for AVE, ESC-50 and DCASE also the folder of the dataset, for
    Flickr-SoundNet that of its annotations."""
    media: Path | None = None
    """Folder in which the files are looked for, at any depth, by the names that copies of the dataset usually have."""
    class_names: Path | None = None
    """Names of the classes that AudioSet's lists give by their ids: class_labels_indices.csv or ontology.json."""
    out: Path | None = None
    """Folder for dataset.json and, with --media, labels.csv and missing.txt; nothing is written without it."""

    def __post_init__(self):
        if self.class_names is not None and self.dataset != "audioset":
            raise ConfigError("--class-names", "is for AudioSet alone; other lists give the names of their classes")
