"""Regions in `.h5` files (needs h5py)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from avnet.errors import ConfigError


class H5Arrays(Mapping[str, Any]):
    """The arrays of an `.h5` file, each read as far as it is asked for.

    Raises:
        ConfigError: h5py is missing.
        ValueError, OSError: it is no such file, or damaged.
    """

    def __init__(self, path: Path):
        try:
            import h5py  # pyright: ignore[reportMissingImports]: an extra
        except ImportError:
            raise ConfigError(path, "needs h5py: pip install 'avnet[keras]'") from None
        self._h5py = h5py
        self._file = h5py.File(path, "r")

    def __len__(self) -> int:
        return len(self._file)

    def __iter__(self) -> Iterator[str]:
        return map(str, self._file)

    def __contains__(self, name: object) -> bool:
        return name in self._file

    def __getitem__(self, name: str) -> Any:
        # A link may lead into any other file of the machine.
        if not isinstance(self._file.get(name, getlink=True), self._h5py.HardLink):
            raise ValueError(f"its array {name!r} is a link")
        array = self._file[name]
        if not isinstance(array, self._h5py.Dataset) or array.external or array.is_virtual:
            raise ValueError(f"its {name!r} is a group, or lies in another file")
        return array
