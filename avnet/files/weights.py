"""A network's arrays by name, and their file: safetensors, plain data, checked before any is used."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
from flax import nnx
from safetensors.numpy import save as save_safetensors

from avnet.errors import ModelFolderError
from avnet.files.artifact import WEIGHTS, fingerprint_of
from avnet.files.kinds import Kind

Module = TypeVar("Module", bound=nnx.Module)


def to_bytes(network: nnx.Module, half: bool = False) -> bytes:
    """A safetensors file of all arrays; the same arrays give the same bytes.

    Args:
        network: whose arrays are float32.
        half: whether to store them in float16, in half the space.

    Raises:
        ModelFolderError: a value is beyond float16.
    """
    arrays = arrays_of(network)
    return save_safetensors({name: _halved(name, array) for name, array in arrays.items()} if half else arrays)


def fingerprint_in_memory(
    kind: Kind, config: Mapping[str, Any], network: nnx.Module, requires: Mapping[str, str] | None = None
) -> str:
    """The fingerprint that a folder of a network would have, if it were written: `weights.safetensors` is all in it."""
    return fingerprint_of(kind, config, requires or {}, {WEIGHTS: hashlib.sha256(to_bytes(network)).hexdigest()})


def fill_network(source: str | Path, network: Module, arrays: Mapping[str, np.ndarray]) -> Module:
    """A network with given arrays for its own.

    Args:
        source: where the arrays come from, for refusals.
        network: abstract (as of `nnx.eval_shape`) or not; it stays as it is.
        arrays: by the dotted names of the network's own, float32, or float16, from which they are converted.

    Raises:
        ModelFolderError: arrays are missing, too many, of another shape or type, or not finite.
    """
    arrays = {name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in arrays.items()}
    check_arrays(source, shapes_of(network), arrays)
    graph, state = nnx.split(network)
    leaves = dict(nnx.to_flat_state(state))
    # All at once: `jnp.asarray` compiles a program for every shape, which takes longer than all the rest.
    on_device = jax.device_put([arrays[_name(key)] for key in leaves])
    for (key, leaf), array in zip(leaves.items(), on_device, strict=True):
        leaves[key] = leaf.replace(array)
    return nnx.merge(graph, nnx.from_flat_state(leaves.items()))


def arrays_of(network: nnx.Module) -> dict[str, np.ndarray]:
    """Copies of all arrays by their dotted names."""
    return {_name(key): np.array(leaf[...]) for key, leaf in nnx.to_flat_state(nnx.state(network))}


def shapes_of(network: nnx.Module) -> dict[str, tuple[int, ...]]:
    """The shape of every array by its dotted name, of an abstract network too."""
    return {_name(key): leaf.shape for key, leaf in nnx.to_flat_state(nnx.state(network))}


def check_arrays(source: str | Path, shapes: Mapping[str, tuple[int, ...]], arrays: Mapping[str, np.ndarray]) -> None:
    """Refuses arrays other than those wanted.

    Args:
        source: where they come from.
        shapes: of the wanted arrays, by name.
        arrays: that there are.

    Raises:
        ModelFolderError: arrays are missing, too many, of another shape or type, or not finite.
    """
    if missing := sorted(shapes.keys() - arrays.keys()):
        raise ModelFolderError(source, f"lacks {len(missing)} of {len(shapes)} arrays, first {missing[0]!r}")
    if extra := sorted(arrays.keys() - shapes.keys()):
        raise ModelFolderError(source, f"holds {len(extra)} arrays too many, first {extra[0]!r}")
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != np.float32:
            raise ModelFolderError(source, f"{name!r} is {array.dtype}{array.shape}, not float32{shape}")
        # One NaN would spread to every answer without a word.
        if not np.isfinite(array).all():
            raise ModelFolderError(source, f"{name!r} holds values that are not finite")


def _halved(name: str, array: np.ndarray) -> np.ndarray:
    # Beyond it they would become infinite, and NumPy would warn.
    if np.abs(array).max(initial=0.0) > np.finfo(np.float16).max:
        raise ModelFolderError(WEIGHTS, f"cannot be written in float16: {name!r} holds values beyond it")
    return array.astype(np.float16)


def _name(key: tuple) -> str:
    return ".".join(map(str, key))
