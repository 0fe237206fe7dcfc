"""`avnet embed`: embeddings of pictures, sounds and videos as arrays."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from avnet.apps.inputs import find_media, refuse_all
from avnet.apps.models import load_for
from avnet.apps.moments import embed_moments
from avnet.errors import ConfigError, MediaError
from avnet.files.whole import whole_file
from avnet.program.output import check_writable
from avnet.program.progress import progress


@dataclass(frozen=True)
class EmbedConfig:
    """Embed images, sounds and evenly spaced frames and clips of videos into one .npz file.

    It holds the arrays embeddings [n, features], path [n], time_s [n], kind [n] ('image' or 'sound') and the
    model's fingerprint. Files that cannot be read are named on stderr and left out.

    Example: avnet embed model ~/Videos photo.jpg --out embeddings.npz
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Model folder, of an AVE-Net or L3-Net."""
    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Files, or folders that are searched for them."""
    out: Path
    """The .npz file to write."""
    every: float = 1.0
    """Seconds between two frames or clips of a video or sound."""

    def __post_init__(self):
        if not self.inputs:
            raise ConfigError("INPUTS", "are missing: name at least one file or folder")
        if not 0.01 <= self.every <= 3600:
            raise ConfigError("--every", f"wants 0.01 to 3600 seconds, got {self.every:g}")


def embed(config: EmbedConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model, an option or all of the inputs cannot be used.
    """
    check_writable(config.out, ".npz")
    files = find_media(config.inputs)
    model = load_for(config.model, {"avol": "which has no single embedding for a picture; take an AVE-Net"})
    found, names, refusals = [], [], []
    for file in progress(files, "embedding", len(files), "files"):
        try:
            moments = embed_moments(model, file, config.every, leave_out_silence=False)
        except MediaError as error:
            print(f"left out: {error}", file=sys.stderr)
            refusals.append(error)
            continue
        found.append(moments)
        names += [str(file)] * len(moments.times)
    refuse_all(refusals, len(files))
    kinds = [kind for moments in found for kind in moments.kinds]
    with whole_file(config.out) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            embeddings=np.concatenate([moments.embeddings for moments in found]),
            path=np.array(names),
            time_s=np.concatenate([moments.times for moments in found]),
            kind=np.array(kinds),
            model=np.array(model.fingerprint),
        )
    images, sounds = kinds.count("image"), kinds.count("sound")
    left_out = f"; {len(refusals)} files left out" if refusals else ""
    print(f"{config.out}: {images} pictures and {sounds} sounds of {len(found)} files{left_out}")
