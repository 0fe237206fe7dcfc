"""`avnet embed`: embeddings of images, sounds and videos as arrays."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.embed import EmbedOptions, embed
from avnet.cli.model_argument import ModelFirst, ModelOption, show_model
from avnet.errors import ConfigError
from avnet.program.output import check_writable
from avnet.program.progress import show_progress
from avnet.zoo.reference import BASE, locate


@dataclass(frozen=True, kw_only=True)
class EmbedConfig(ModelFirst, EmbedOptions):
    """Embed images, sounds and evenly spaced frames and clips of videos into one .npz file.

    The file holds the arrays embeddings [n, features], path [n], time_s [n], kind [n] ('image' or 'sound') and model,
    its fingerprint. Files that cannot be read are named on stderr and left out.

    Example: avnet embed ~/Videos photo.jpg --out embeddings.npz
    """

    model: ModelOption = BASE
    """Model that has one embedding for an image, as AVE-Net and L3-Net: a folder, a name, or hf://user/model. It may
    stand first."""
    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Files, and folders that are searched for them."""
    out: Path
    """File for the embeddings; its name ends in .npz."""

    def __post_init__(self):
        super().__post_init__()
        if not self.inputs:
            raise ConfigError("INPUTS", "are missing: name at least one file or folder")


def run(config: EmbedConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model, an option or all of the inputs cannot be used.
    """
    check_writable(config.out, ".npz")
    with show_progress() as on_event:
        source = locate(config.model, on_event)
        embeddings = embed(source.folder, config.inputs, config, on_event)
    embeddings.save(config.out)
    images, sounds = embeddings.kinds.count("image"), embeddings.kinds.count("sound")
    left_out = f"; {len(embeddings.refusals)} files left out" if embeddings.refusals else ""
    show_model(source)
    print(f"{config.out}: {images} images and {sounds} sounds of {len(set(embeddings.files))} files{left_out}")
