"""Vocoder folders: `config.json` and `vocoder.safetensors`; plain data, never pickle."""

import json
from pathlib import Path

from flax import nnx

from avnet.errors import ModelFolderError
from avnet.files import weights
from avnet.files.facts import read_facts
from avnet.files.whole import whole_folder
from avnet.synthesizers.vocos import Vocos, VocosConfig

FORMAT = "avnet-vocoder-1"
CONFIG, WEIGHTS = "config.json", "vocoder.safetensors"


def write_vocoder(path: str | Path, vocoder: Vocos) -> None:
    """Writes a vocoder folder; it becomes visible only when it is whole.

    Raises:
        ModelFolderError: it cannot be written.
    """
    config = {"format": FORMAT, "vocoder": vocoder.config.to_dict()}
    with whole_folder(Path(path), ModelFolderError) as temporary:
        (temporary / WEIGHTS).write_bytes(weights.to_bytes(vocoder))
        (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n")


def read_vocoder(path: str | Path) -> Vocos:
    """Reads a vocoder folder.

    Raises:
        ModelFolderError: a file is missing, damaged or does not fit the configuration.
    """
    path = Path(path)
    config = read_facts(
        path, CONFIG, FORMAT, "a vocoder folder", lambda listed: VocosConfig.from_dict(listed["vocoder"])
    )
    arrays, _ = weights.read_arrays(path / WEIGHTS)
    return weights.filled(path / WEIGHTS, nnx.eval_shape(lambda: Vocos(config, rngs=nnx.Rngs(0))), arrays)
