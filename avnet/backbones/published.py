"""Published weights of transformers: which of their arrays, under which names, are ours.

A dialect is a way to name them: that of the authors, or that of the package `transformers`, in which files on the
Hugging Face Hub have them. Both lay arrays out as PyTorch does.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from flax import nnx

from avnet.backbones.torch_names import Counterpart, TorchNames
from avnet.errors import ModelFolderError
from avnet.files.weights import Module, fill_network, shapes_of

StateDict = Mapping[str, np.ndarray]
_PARTS = {"kernel": "weight", "scale": "weight", "bias": "bias"}
# Ours that have three axes there, where a batch comes first.
_BATCHED = frozenset({"class_token", "registers", "tokens", "positions"})
_NUMBER = re.compile(r"\.(\d+)\.")


@dataclass(frozen=True)
class Dialect:
    """The names of arrays in a kind of file.

    Attributes:
        name: for refusals.
        marker: an array that no other dialect has.
        names: of ours, layer by layer or array by array, with {} for the number of a block. Several names of theirs
            are arrays that stand one after the other in ours.
        prefixes: that may stand before all names; what does not begin with them is not of the network.
        unused: how the names of arrays begin that are not of the network.
        as_ours: arrays that are laid out there as they are here.
        batched: whether tokens and positions are batches of one there.
    """

    name: str
    marker: str
    names: Mapping[str, str | tuple[str, ...]]
    prefixes: tuple[str, ...] = ("",)
    unused: tuple[str, ...] = ()
    as_ours: frozenset[str] = field(default_factory=frozenset)
    batched: bool = True

    def without_prefix(self, state_dict: StateDict) -> StateDict | None:
        """The arrays below the prefix that they have here; None for a file of another dialect."""
        for prefix in self.prefixes:
            if prefix + self.marker in state_dict:
                return {
                    name.removeprefix(prefix): array
                    for name, array in state_dict.items()
                    if name.startswith(prefix) and not name.removeprefix(prefix).startswith(self.unused)
                }
        return None

    def theirs(self, ours: str) -> tuple[str, ...]:
        """The names of theirs that make one of our arrays."""
        number = _NUMBER.search(ours)
        pattern, block = (_NUMBER.sub(".{}.", ours, count=1), number[1]) if number else (ours, "")
        if pattern in self.names:
            names, part = self.names[pattern], ""
        else:
            layer, _, leaf = pattern.rpartition(".")
            names, part = self.names[layer], f".{_PARTS[leaf]}"
        return tuple(f"{name.format(block)}{part}" for name in ((names,) if isinstance(names, str) else names))

    def depth(self, state_dict: StateDict, layer: str) -> int:
        """How many blocks there are, by the names of a layer of ours that each has."""
        begin, end = self.theirs(layer)[0].split(".0.", maxsplit=1)
        pattern = re.compile(rf"{re.escape(begin)}\.(\d+)\.{re.escape(end)}")
        return sum(pattern.fullmatch(name) is not None for name in state_dict)


def find_dialect(
    dialects: tuple[Dialect, ...], state_dict: StateDict, source: str | Path, known: str
) -> tuple[Dialect, StateDict]:
    """The dialect of a file, and those arrays that are of the network.

    Args:
        dialects: that it may be in.
        state_dict: arrays by name.
        source: where they come from, for refusals.
        known: what the dialects are of, for refusals.

    Raises:
        ModelFolderError: it is in none.
    """
    for dialect in dialects:
        if (arrays := dialect.without_prefix(state_dict)) is not None:
            return dialect, arrays
    first = f"; its first array is {min(state_dict)!r}" if state_dict else ""
    raise ModelFolderError(source, f"has none of the networks that are known, {known}{first}")


def shape_of(
    arrays: StateDict, name: str, axes: int, source: str | Path, leading_ones: bool = False
) -> tuple[int, ...]:
    """The shape of an array of which sizes are read.

    Args:
        arrays: by name.
        name: of the array.
        axes: that it has.
        source: where it comes from, for refusals.
        leading_ones: whether axes of length one may stand before them.

    Raises:
        ModelFolderError: it is missing, or has another number of axes.
    """
    if name not in arrays:
        raise ModelFolderError(source, f"lacks {name!r}")
    shape = _without_ones(arrays[name], axes).shape if leading_ones else arrays[name].shape
    if len(shape) != axes:
        raise ModelFolderError(source, f"{name!r} has the shape {shape}, not one of {axes} axes")
    return shape


def torch_names(network: nnx.Module, dialect: Dialect) -> TorchNames:
    """What stands for the arrays of a network, abstract or not, in a dialect."""
    arrays = {}
    for ours, shape in shapes_of(network).items():
        turned = ours.endswith("kernel") and ours not in dialect.as_ours
        axes = 3 if dialect.batched and ours in _BATCHED else len(shape)
        arrays[ours] = Counterpart(dialect.theirs(ours), shape, turned, axes)
    return TorchNames(arrays)


def fill(network: Module, dialect: Dialect, arrays: StateDict, source: str | Path) -> Module:
    """A network with the arrays of a dialect; of each, axes of length one that come first do not count.

    Args:
        network: abstract; it stays as it is.
        dialect: of the arrays.
        arrays: those of the network alone.
        source: where they come from, for refusals.

    Raises:
        ModelFolderError: arrays are missing, too many, of another shape or type, or not finite.
    """
    names = torch_names(network, dialect)
    shapes = names.shapes
    arrays = {name: _in_shape(array, shapes.get(name, array.shape)) for name, array in arrays.items()}
    return fill_network(source, network, names.read(arrays, source))


def side_of(places: int, name: str, source: str | Path) -> int:
    """Rows of a square of so many places.

    Raises:
        ModelFolderError: they make no square.
    """
    side = math.isqrt(max(places, 0))
    if side * side != places or not side:
        raise ModelFolderError(source, f"{name!r} has {places} positions, which make no square")
    return side


def _in_shape(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return array.reshape(shape) if _trimmed(array.shape) == _trimmed(shape) else array


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shape


def _without_ones(array: np.ndarray, axes: int) -> np.ndarray:
    """A batch of one, as tokens and positions of PyTorch have it, taken off."""
    while array.ndim > axes and array.shape[0] == 1:
        array = array[0]
    return array
