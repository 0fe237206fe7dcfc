"""`avnet embed`: embeddings of images, sounds and videos as arrays."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.embed import EmbedOptions, embed
from avnet.errors import ConfigError
from avnet.program.output import check_writable
from avnet.program.progress import show_progress


@dataclass(frozen=True, kw_only=True)
class EmbedConfig(EmbedOptions):
    """Embed images, sounds and evenly spaced frames and clips of videos into one .npz file.

    The file holds the arrays embeddings [n, features], path [n], time_s [n], kind [n] ('image' or 'sound') and model,
    its fingerprint. Files that cannot be read are named on stderr and left out.

    Example: avnet embed model ~/Videos photo.jpg --out embeddings.npz
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Folder of a trained AVE-Net or L3-Net."""
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
        embeddings = embed(config.model, config.inputs, config, on_event)
    embeddings.save(config.out)
    images, sounds = embeddings.kinds.count("image"), embeddings.kinds.count("sound")
    left_out = f"; {len(embeddings.refusals)} files left out" if embeddings.refusals else ""
    print(f"{config.out}: {images} images and {sounds} sounds of {len(set(embeddings.files))} files{left_out}")
