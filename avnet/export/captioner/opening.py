"""The functions of an exported captioner's folder, opened: by JAX, or image by image by onnxruntime."""

from collections.abc import Callable
from typing import Any

import numpy as np

from avnet.captioners.config import CaptionerConfig
from avnet.errors import ConfigError, ModelFolderError
from avnet.export.captioner.functions import ENCODE, STEP, Array, inputs_of
from avnet.export.captioner.readme import file_of
from avnet.export.manifest import FormatName
from avnet.export.onnx_session import ArrayShape, open_session
from avnet.files.artifact import HEADER, Header

# Arrays in, arrays out.
Run = Callable[..., list[Any]]


def open_function(header: Header, name: str, kind: FormatName, config: CaptionerConfig, places: int | None) -> Run:
    """One of the two functions, of any number of images.

    Args:
        header: of the folder.
        name: of the function.
        kind: format of its file.
        config: of the captioner.
        places: of the one image that it takes; None for any number of both.

    Raises:
        ModelFolderError: the file is damaged, or of other arrays than the header says.
        ConfigError: for ONNX onnxruntime is not installed.
    """
    with header.parsing():
        open_file = _OPENERS[kind]
        parts = [_of_json(one) for part in ("encoding", "state") for one in header.config[part]]
        versions = ", ".join(f"{library} {version}" for library, version in header.config["versions"].items())
    file, content = header.folder / file_of(name, kind), header.read(file_of(name, kind))
    try:
        run, inputs, outputs = open_file(content)
    except ConfigError:
        raise
    except Exception as error:  # either library raises many kinds; each means that it cannot read the file
        raise ModelFolderError(file, f"written by {versions}, cannot be read ({error})") from None
    batch = "batch" if places is None else 1
    features = inputs_of(config, batch, "places" if places is None else places)
    given = {ENCODE: list(map(_shape, features)), STEP: [*parts, _shape(Array("token", "int32", (batch,)))]}
    if inputs != given[name] or (name == ENCODE and outputs != parts):
        raise ModelFolderError(file, f"is of other arrays than {HEADER} says")
    return run


def _open_jax(content: bytes) -> tuple[Run, list[ArrayShape], list[ArrayShape]]:
    import jax
    from jax import export

    artefact = export.deserialize(bytearray(content))
    inputs, outputs = (
        [(str(aval.dtype), tuple(map(str, aval.shape))) for aval in avals]
        for avals in (artefact.in_avals, artefact.out_avals)
    )
    return jax.jit(artefact.call), inputs, outputs


def _open_onnx(content: bytes) -> tuple[Run, list[ArrayShape], list[ArrayShape]]:
    run, inputs, outputs = open_session(content)

    def run_each(*arrays: np.ndarray) -> list[np.ndarray]:
        each = [run(*(array[i : i + 1] for array in arrays)) for i in range(len(arrays[0]))]
        return [np.concatenate(images) for images in zip(*each, strict=True)]

    return run_each, inputs, outputs


_OPENERS: dict[FormatName, Callable[[bytes], tuple[Run, list[ArrayShape], list[ArrayShape]]]] = {
    "jax": _open_jax,
    "onnx": _open_onnx,
}


def _of_json(values: dict) -> ArrayShape:
    return str(values["dtype"]), tuple(map(str, values["shape"]))


def _shape(array: Array) -> ArrayShape:
    return str(array.dtype), tuple(map(str, array.shape))
