"""Model folders: `config.json`, `model.safetensors` and `README.md` (a model card); plain data, never pickle."""

import json
from pathlib import Path

from flax import nnx

from avnet.config import ModelConfig
from avnet.correspondence.network import Network, build
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.regular_file import read_bytes
from avnet.files.weights import filled, fingerprint, read_arrays, to_bytes
from avnet.files.whole import whole_folder

FORMAT = "avnet-model-1"
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"


def write(path: str | Path, network: Network, card: str) -> str:
    """Writes a model folder; it becomes visible only when it is whole.

    Args:
        path: the folder; an earlier model there is replaced.
        network: in any mode.
        card: the model card, Markdown: data, metrics and limits.

    Returns:
        The fingerprint: SHA-256 of the weights file, hexadecimal.

    Raises:
        ModelFolderError: it cannot be written; an earlier model stays.
    """
    weights = to_bytes(network)
    config = {"format": FORMAT, "model": network.config.to_dict()}
    with whole_folder(Path(path), ModelFolderError) as temporary:
        (temporary / WEIGHTS).write_bytes(weights)
        (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
        (temporary / CARD).write_text(card)
    return fingerprint(weights)


def read(path: str | Path) -> tuple[ModelConfig, Network, str]:
    """Reads a model folder.

    Returns:
        Its configuration, the network with its weights, and the fingerprint of the weights.

    Raises:
        ModelFolderError: a file is missing, damaged or does not fit the configuration.
    """
    path = Path(path)
    if not path.is_dir():
        raise ModelFolderError(path, "is not a model folder" if path.exists() else "does not exist")
    config = _read_config(path / CONFIG)
    read_bytes(path / CARD)
    arrays, found = read_arrays(path / WEIGHTS)
    network = nnx.eval_shape(lambda: build(config, rngs=nnx.Rngs(0)))
    return config, filled(path / WEIGHTS, network, arrays), found


def _read_config(file: Path) -> ModelConfig:
    try:
        config = json.loads(read_bytes(file))
        if config.get("format") != FORMAT:
            raise ModelFolderError(file, f"is not an {FORMAT} file")
        return ModelConfig.from_dict(config["model"])
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, ConfigError) as error:
        raise ModelFolderError(file, f"cannot be read ({error})") from None
