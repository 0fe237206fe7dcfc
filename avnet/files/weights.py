"""A network's arrays by name, and their file: safetensors, plain data, checked before any is used."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import jax
import numpy as np
from flax import nnx
from jaxtyping import Float
from safetensors.numpy import save as save_safetensors

from avnet.errors import ModelFolderError
from avnet.files.artifact import WEIGHTS, fingerprint_of
from avnet.files.kinds import Kind

Module = TypeVar("Module", bound=nnx.Module)
Precision = Literal["float32", "float16", "int8"]
# What is beside an array of int8: what a step stands for, of each of its last dimension.
SCALE = ".scale"
STEPS = 127


def to_bytes(network: nnx.Module, precision: Precision = "float32") -> bytes:
    """A safetensors file of all arrays; the same arrays give the same bytes.

    Args:
        network: whose arrays are float32.
        precision: in which they are stored. int8 takes a quarter of the space: 255 steps for each channel, the last
            dimension of kernels and tables; arrays of one dimension, such as biases, are in float16 then.

    Raises:
        ModelFolderError: a value is beyond float16.
    """
    arrays = arrays_of(network)
    if precision == "int8":
        parts = (in_steps(name, array) for name, array in arrays.items())
        return save_safetensors({name: array for part in parts for name, array in part.items()})
    halves = precision == "float16"
    return save_safetensors({name: _halved(name, array) for name, array in arrays.items()} if halves else arrays)


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
        arrays: by the dotted names of the network's own, in float32, or as `to_bytes` stores them, from which they are
            converted.

    Raises:
        ModelFolderError: arrays are missing, too many, of another shape or type, or not finite.
    """
    arrays = to_floats(arrays)
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


def in_steps(name: str, array: Float[np.ndarray, "..."]) -> dict[str, np.ndarray]:
    """An array in int8, and what a step stands for of each of its last dimension; float16 where it has one dimension.

    Args:
        name: of it.
        array: finite.

    Returns:
        By name; the steps are NAME.scale, float32.

    Raises:
        ModelFolderError: a value of one dimension is beyond float16.
    """
    if array.ndim < 2:
        return {name: _halved(name, array)}
    scale = np.abs(array).max(axis=tuple(range(array.ndim - 1)), initial=0.0) / STEPS
    steps = np.rint(array / np.where(scale > 0, scale, 1.0)).astype(np.int8)
    return {name: steps, name + SCALE: scale.astype(np.float32)}


def to_floats(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What was stored in float16, or by `in_steps`, in float32; int8 without a scale that fits stays as it is."""
    result = dict(arrays)
    for name, array in arrays.items():
        scale = arrays.get(name + SCALE, np.zeros(0))
        if array.dtype == np.float16:
            result[name] = array.astype(np.float32)
        elif array.dtype == np.int8 and scale.dtype == np.float32 and scale.shape == array.shape[1:][-1:]:
            result[name] = array.astype(np.float32) * result.pop(name + SCALE)
    return result


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
