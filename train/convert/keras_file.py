"""Arrays of an `.h5` file of Keras's weights (needs h5py)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avnet.errors import ConfigError, DataError

MAGIC = b"\x89HDF\r\n\x1a\n"
# What h5py raises where a file is damaged, or something in it is not what it is used as.
_DAMAGE = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, UnicodeError)


def read_arrays(file: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The arrays of a network by their names in Keras, 'layer1/conv/kernel:0'.

    Keras has a group for each layer, and in it each array under its whole name: 'layer1/conv/layer1/conv/kernel:0'.

    Args:
        file: what Keras's `save_weights` wrote.
        shapes: of the arrays to read. Only those are opened, and only where shape and type are right, so that no more
            is allocated than the network takes. What is linked or lies in another file is refused.

    Returns:
        float32.

    Raises:
        ConfigError: h5py is missing.
        DataError: the file is missing or damaged, or an array is missing, or of another shape or type.
    """
    try:
        import h5py  # pyright: ignore[reportMissingImports]: an extra
    except ImportError:
        raise ConfigError(file, "needs h5py: pip install 'avnet[keras]'") from None
    try:
        with h5py.File(file, "r") as root:
            return {name: _array(h5py, root, name, shape) for name, shape in shapes.items()}
    except _DAMAGE as error:
        reason = str(error).splitlines()[0] if str(error) else "it ends early"
        raise DataError(file, f"does not hold the weights, or is damaged ({reason})") from None


def _array(h5py: Any, root: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    node = root
    for part in f"{name.rpartition('/')[0]}/{name}".split("/"):
        # A link may lead into any other file of the machine.
        if not isinstance(node, h5py.Group) or not isinstance(node.get(part, getlink=True), h5py.HardLink):
            raise ValueError(f"there is no array {name!r}")
        node = node[part]
    if not isinstance(node, h5py.Dataset) or node.shape != shape or node.dtype != np.float32:
        held = f"{node.dtype}{node.shape}" if isinstance(node, h5py.Dataset) else "a group"
        raise ValueError(f"{name!r} is {held}, not float32{shape}")
    if node.external or node.is_virtual:
        raise ValueError(f"{name!r} lies in another file")
    return node[...]
