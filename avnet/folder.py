"""Model folders: `config.json`, `model.safetensors` and `README.md` (a model card); plain data, never pickle."""

import hashlib
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from avnet.config import ModelConfig
from avnet.errors import ConfigError, ModelFolderError
from avnet.models import Network, build
from avnet.whole import whole_folder

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
    weights = save_safetensors(_flat(network))
    config = {"format": FORMAT, "model": network.config.to_dict()}
    with whole_folder(Path(path), ModelFolderError) as temporary:
        (temporary / WEIGHTS).write_bytes(weights)
        (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
        (temporary / CARD).write_text(card)
    return hashlib.sha256(weights).hexdigest()


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
    _read_bytes(path / CARD)
    weights = _read_bytes(path / WEIGHTS)
    try:
        arrays = load_safetensors(weights)
    except (SafetensorError, ValueError) as error:
        raise ModelFolderError(path / WEIGHTS, f"is damaged ({error})") from None
    network = nnx.eval_shape(lambda: build(config, rngs=nnx.Rngs(0)))
    graph, state = nnx.split(network)
    return (
        config,
        nnx.merge(graph, _filled(path / WEIGHTS, state, arrays)),
        hashlib.sha256(weights).hexdigest(),
    )


def _flat(network: Network) -> dict[str, np.ndarray]:
    leaves = nnx.to_flat_state(nnx.state(network))
    return {".".join(map(str, key)): np.array(leaf[...]) for key, leaf in leaves}


def _filled(file: Path, state: nnx.State, arrays: dict[str, np.ndarray]) -> nnx.State:
    leaves = dict(nnx.to_flat_state(state))
    names = {".".join(map(str, key)): key for key in leaves}
    if missing := sorted(names.keys() - arrays.keys()):
        raise ModelFolderError(file, f"lacks {len(missing)} of {len(names)} arrays, first {missing[0]!r}")
    if extra := sorted(arrays.keys() - names.keys()):
        raise ModelFolderError(file, f"holds {len(extra)} arrays too many, first {extra[0]!r}")
    for name, key in names.items():
        leaf, array = leaves[key], arrays[name]
        if leaf.shape != array.shape or array.dtype != np.float32:
            raise ModelFolderError(file, f"{name!r} is {array.dtype}{array.shape}, wants float32{leaf.shape}")
        if not np.isfinite(array).all():
            raise ModelFolderError(file, f"{name!r} holds values that are not finite")
        leaves[key] = leaf.replace(jnp.asarray(array))
    return nnx.from_flat_state(leaves.items())


def _read_config(file: Path) -> ModelConfig:
    try:
        config = json.loads(_read_bytes(file))
        if config.get("format") != FORMAT:
            raise ModelFolderError(file, f"is not an {FORMAT} file")
        return ModelConfig.from_dict(config["model"])
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, ConfigError) as error:
        raise ModelFolderError(file, f"cannot be read ({error})") from None


def _read_bytes(file: Path) -> bytes:
    try:
        if file.is_file():  # a pipe would wait for ever
            return file.read_bytes()
    except OSError:
        pass
    raise ModelFolderError(file, "is missing or cannot be read")
