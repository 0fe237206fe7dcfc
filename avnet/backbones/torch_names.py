"""What stands for a network's arrays in a state dict of PyTorch: names, shapes and layout, for both directions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from avnet.errors import ConfigError, ModelFolderError
from avnet.files.weights import check_arrays
from avnet.nn.torch_layout import our_layout, torch_layout, torch_shape

# How names end here, and there where layers have the same names.
_ENDS = {
    ".kernel": ".weight",
    "norm.scale": "norm.weight",
    "norm.mean": "norm.running_mean",
    "norm.var": "norm.running_var",
}
_MEAN, _COUNTER = ".running_mean", ".num_batches_tracked"


def torch_name(name: str) -> str:
    """The name there of an array of a layer that has the same name here and there."""
    for ours, theirs in _ENDS.items():
        if name.endswith(ours):
            return name.removesuffix(ours) + theirs
    return name


@dataclass(frozen=True)
class Counterpart:
    """What stands there for one array of ours.

    Attributes:
        names: of arrays that stand one after the other in ours, as queries, keys and values do.
        shape: of ours.
        turned: whether it is laid out as PyTorch does (`avnet.nn.torch_layout`), and not as here.
        axes: that each array has there; those that ours lacks come first and are one long.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    turned: bool
    axes: int

    def __post_init__(self):
        if self._whole and self._whole[0] % len(self.names):
            raise ConfigError(self.names[0], f"must be one of {len(self.names)} equal parts of {self._whole[0]}")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Those of the arrays there, by name."""
        part = (self._whole[0] // len(self.names), *self._whole[1:]) if self._whole else ()
        return {name: (1,) * (self.axes - len(part)) + part for name in self.names}

    def write(self, array: np.ndarray) -> dict[str, np.ndarray]:
        """The arrays there, each row by row in memory, of one of ours."""
        there = torch_layout(array) if self.turned else array
        parts = np.split(there, len(self.names)) if len(self.names) > 1 else [there]
        shapes = self.shapes
        return {name: part.reshape(shapes[name]) for name, part in zip(self.names, parts, strict=True)}

    def read(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Ours, of arrays there that have the right shapes."""
        parts = [arrays[name] for name in self.names]
        there = np.concatenate(parts, axis=self.axes - len(self._whole)) if len(parts) > 1 else parts[0]
        there = there.reshape(self._whole)
        return our_layout(there) if self.turned else there

    @property
    def _whole(self) -> tuple[int, ...]:
        return torch_shape(self.shape) if self.turned else self.shape


@dataclass(frozen=True)
class Filler:
    """What layers have there and not here.

    Attributes:
        value: that is written, and that a network there should keep.
        fixed: whether another value would change its answers, and is refused; else it is read by nothing.
    """

    value: np.ndarray
    fixed: bool = False


@dataclass(frozen=True)
class TorchNames:
    """What stands for all arrays of a network.

    Attributes:
        arrays: by our names.
        fillers: by their names. They may be missing in what is read.
    """

    arrays: Mapping[str, Counterpart]
    fillers: Mapping[str, Filler] = field(default_factory=dict)

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]], names: Mapping[str, str] | None = None) -> "TorchNames":
        """One array there for each of ours, all kernels turned; and the counters of batches, which are never read.

        Args:
            shapes: of ours, by name.
            names: theirs by ours; None where layers have the same names.
        """
        names = {name: torch_name(name) for name in shapes} if names is None else names
        return cls(
            {
                ours: Counterpart((names[ours],), shape, ours.endswith("kernel"), len(shape))
                for ours, shape in shapes.items()
            },
            {counter: Filler(np.zeros((), np.int64)) for counter in _counters(names.values())},
        )

    def below(self, prefix: str) -> "TorchNames":
        """The same with a prefix before all names, ours and theirs."""
        arrays = {
            prefix + ours: replace(each, names=tuple(prefix + name for name in each.names))
            for ours, each in self.arrays.items()
        }
        return TorchNames(arrays, {prefix + name: filler for name, filler in self.fillers.items()})

    def __or__(self, other: "TorchNames") -> "TorchNames":
        """Those of two parts of a network."""
        return TorchNames({**self.arrays, **other.arrays}, {**self.fillers, **other.fillers})

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Those of all arrays there but the fillers, by name."""
        return {name: shape for each in self.arrays.values() for name, shape in each.shapes.items()}

    def write(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The state dict of our arrays, fillers too."""
        written = {
            name: array for ours, each in self.arrays.items() for name, array in each.write(arrays[ours]).items()
        }
        return written | {name: filler.value for name, filler in self.fillers.items()}

    def read(self, state_dict: Mapping[str, np.ndarray], source: str | Path) -> dict[str, np.ndarray]:
        """Our arrays, bit for bit those that were written.

        Args:
            state_dict: float32 arrays by name.
            source: where it comes from, for refusals.

        Raises:
            ModelFolderError: arrays are missing, too many, of another shape or type, or not finite; a filler has
                another value than the one it must have.
        """
        arrays = {name: array for name, array in state_dict.items() if name not in self.fillers}
        check_arrays(source, self.shapes, arrays)
        for name, filler in self.fillers.items():
            if filler.fixed and not np.array_equal(state_dict.get(name, filler.value), filler.value):
                raise ModelFolderError(source, f"{name!r} must be {filler.value.flat[0]:g} all over, as it was written")
        return {ours: each.read(arrays) for ours, each in self.arrays.items()}


def _counters(names: Iterable[str]) -> list[str]:
    return [name.removesuffix(_MEAN) + _COUNTER for name in names if name.endswith(_MEAN)]
