"""Files of state dicts, names with arrays: what `torch.save` writes (needs PyTorch), and .safetensors."""

import io
import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as save_safetensors

from avnet.errors import ConfigError, DataError
from avnet.files.whole import write_bytes

SUFFIXES = (".pth", ".pt", ".safetensors")

# Under which a checkpoint of a training run keeps the state dict, and what parallel training and Lightning's modules
# put before each name.
_WRAPPERS = ("state_dict", "model")
_PREFIXES = ("module.", "_forward_module.", "model.", "net.", "network.")
# What torch.compile puts before the names of whatever it has compiled, the network or a part of it.
_COMPILED = "_orig_mod."

# What PyTorch raises on reading a damaged file.
_DAMAGE = (OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError)
_DAMAGE += (AssertionError, ArithmeticError, MemoryError, struct.error)

# Of .safetensors.
_TYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": jnp.bfloat16, "I64": np.int64}


def read_state_dict(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a state dict by name.

    It may be an entry `state_dict` or `model` of a larger checkpoint. `module.`, `model.` and the like before the names
    and `_orig_mod.` in them are left out; so are arrays beside those of a module that has most of them, as of a loss.

    Args:
        file: .safetensors, or what `torch.save` wrote; code in it is refused, not run.

    Returns:
        Numbers with a fraction as float32, whatever their precision was.

    Raises:
        ConfigError: the file needs PyTorch, which is missing.
        DataError: it is missing or damaged, or holds other things than arrays.
    """
    if not file.is_file():
        raise DataError(file, "is missing or not a regular file")
    _refuse_stand_in(file)
    arrays = _read_safetensors(file) if file.suffix.lower() == ".safetensors" else _read_torch(file)
    return _without_prefixes(arrays)


def write_state_dict(file: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by name; the same arrays give the same bytes.

    Args:
        file: .safetensors, or for `torch.load` under any other suffix; an earlier one is replaced when this is whole.
        arrays: in the layout of PyTorch, row by row in memory.

    Raises:
        ConfigError: the file needs PyTorch, which is missing.
        DataError: it cannot be written.
    """
    if file.suffix.lower() == ".safetensors":
        write_bytes(file, save_safetensors(dict(arrays), metadata={"format": "pt"}), DataError)
        return
    torch, content = _torch(file), io.BytesIO()
    torch.save({name: torch.tensor(array) for name, array in arrays.items()}, content)
    write_bytes(file, content.getvalue(), DataError)


def _refuse_stand_in(file: Path) -> None:
    """What a download leaves in place of weights."""
    try:
        with file.open("rb") as stream:
            begin = stream.read(64).lstrip()
    except OSError as error:
        raise DataError(file, f"cannot be read ({error.strerror})") from None
    if begin.startswith(b"<"):
        raise DataError(file, "is a web page, not weights")
    if begin.startswith(b"version https://git-lfs"):
        raise DataError(file, "is a pointer of Git LFS, not the weights: run `git lfs pull` in its folder")


def _without_prefixes(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    arrays = {name.replace(_COMPILED, ""): array for name, array in arrays.items()}
    for prefix in _PREFIXES:
        below = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        if 2 * len(below) > len(arrays):
            return _without_prefixes(below)
    return arrays


def _read_safetensors(file: Path) -> dict[str, np.ndarray]:
    try:
        entries = deserialize(file.read_bytes())
    except (OSError, SafetensorError) as error:
        raise DataError(file, f"is damaged ({error})") from None
    arrays = {}
    for name, entry in entries:
        if entry["dtype"] not in _TYPES:
            raise DataError(file, f"{name!r} is {entry['dtype']}, must be one of {', '.join(_TYPES)}")
        array = np.frombuffer(entry["data"], _TYPES[entry["dtype"]]).reshape(entry["shape"])
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is refused by name
            arrays[name] = array if entry["dtype"] == "I64" else array.astype(np.float32)
    return arrays


def _read_torch(file: Path) -> dict[str, np.ndarray]:
    values = _torch_load(file)
    for wrapper in _WRAPPERS:
        if isinstance(values, dict) and isinstance(values.get(wrapper), dict):
            values = values[wrapper]
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise DataError(file, "is not a state dict: names with arrays")
    return {name: _array(file, name, value) for name, value in values.items()}


def _array(file: Path, name: str, value: Any) -> np.ndarray:
    try:
        if value.numel() * value.element_size() > file.stat().st_size:  # one number that stands for all
            raise DataError(file, f"{name!r} claims more numbers than the file holds")
        value = value.detach()
        return (value.float() if value.is_floating_point() else value).numpy()
    except (AttributeError, TypeError, RuntimeError):
        raise DataError(file, f"is not a state dict: {name!r} is not a plain array") from None


def _torch_load(file: Path) -> Any:
    torch = _torch(file)
    try:
        _refuse_bomb(file)
        with warnings.catch_warnings(action="ignore"):  # of odd pickles; they are refused, or are arrays all the same
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # its text is a page, and advises to trust the file
        raise DataError(file, "is damaged, or holds other things than plain arrays, which are not loaded") from None
    except _DAMAGE as error:
        raise DataError(file, f"is damaged ({str(error).splitlines()[0] if str(error) else 'it ends early'})") from None


def _refuse_bomb(file: Path) -> None:
    """PyTorch compresses nothing, but would unpack zeros to a thousand times their size."""
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:  # of PyTorch before 1.6, or damaged, which is found out on loading
        return
    if size > file.stat().st_size:
        raise DataError(file, f"is compressed: it would unpack to {size} bytes")


def _torch(file: Path) -> Any:
    try:
        import torch  # pyright: ignore[reportMissingImports]: an extra
    except ImportError:
        raise ConfigError(file, "needs PyTorch: pip install 'avnet[torch]'") from None
    return torch
