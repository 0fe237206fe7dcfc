"""Exported models in use: the folder that `avnet export` wrote, as functions of arrays.

It needs none of the networks' code: JAX for artefacts of `jax.export`, onnxruntime for ONNX.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.errors import ConfigError, ModelFolderError
from avnet.export.manifest import FormatName, Manifest, manifest_of
from avnet.export.onnx_session import ArrayShape, open_session
from avnet.export.signature import Signature, Tensor
from avnet.files.artifact import HEADER, Header, read_header
from avnet.files.kinds import EXPORT


@dataclass(frozen=True)
class Function:
    """A function of an exported model.

    Attributes:
        signature: what it takes and gives; `str()` of it is one line.
        run: without a check of what it takes.
    """

    signature: Signature
    run: Callable[..., np.ndarray]

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        """What it gives for a batch of at least 1.

        Raises:
            ConfigError: an array has another type or shape than it takes.
        """
        inputs = self.signature.inputs
        if len(arrays) != len(inputs):
            names = ", ".join(tensor.name for tensor in inputs)
            raise ConfigError("exported", f"takes {len(inputs)} arrays ({names}), got {len(arrays)}")
        batch = max([1, *arrays[0].shape[:1]])
        for tensor, array in zip(inputs, arrays, strict=True):
            _check(tensor, array, batch)
        return self.run(*arrays)


@dataclass(frozen=True)
class Exported:
    """A network's functions; their signatures have the shapes and units.

    Attributes:
        manifest: what the folder says of itself.
        image_encoder: from uint8 images.
        sound_encoder: from waveforms.
        scorer: log-odds of correspondence from what the two encoders give.
        cell_encoder, source_encoder: what heatmaps are made of, from images and from waveforms, where that is not what
            the two encoders give.
        heatmap: the log-odds in each cell of the image, from what these two give, or else the two encoders.

    Example:
        >>> exported = avnet.load("exported")
        >>> size = exported.image_encoder.signature.inputs[0].shape[0]
        >>> exported.image_encoder(np.zeros((2, size, size, 3), np.uint8)).shape
        (2, 128)
    """

    manifest: Manifest
    image_encoder: Function
    sound_encoder: Function
    scorer: Function
    cell_encoder: Function | None = None
    source_encoder: Function | None = None
    heatmap: Function | None = None

    @classmethod
    def load(cls, path: str | Path) -> "Exported":
        """Opens the folder of an exported model.

        Every file is compared with its SHA-256 in `artifact.json` before anything else reads it, and what it takes and
        gives with what is written there. That finds damage, not malice: who can write the folder can write the sums
        too. An artefact of `jax.export` is code, compiled and run in this process; open only what you would run as a
        program.

        ONNX runs on the CPU here; the folder's `README.md` has the lines for a session of your own.

        Args:
            path: the folder.

        Raises:
            ModelFolderError: it is not an exported model, of an earlier or newer avnet, or damaged.
            ConfigError: for ONNX onnxruntime is not installed.
        """
        header = read_header(path, EXPORT)
        manifest = manifest_of(header)
        open_part = _OPENERS[manifest.kind]
        functions = {}
        for name, signature in manifest.parts.items():
            file, content = header.folder / manifest.file(name), header.read(manifest.file(name))
            try:
                run, arrays = open_part(content)
            except ConfigError:
                raise
            except Exception as error:  # either library raises many kinds; each means that it cannot read the file
                versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
                raise ModelFolderError(file, f"written by {versions}, cannot be read ({error})") from None
            if arrays != _arrays([*signature.inputs, signature.output]):
                raise ModelFolderError(file, f"is not {signature}, as {HEADER} says")
            functions[name] = Function(signature, run)
        return cls(manifest, **functions)

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of an exported model."""
        manifest = manifest_of(header)
        versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
        parts = {name: str(signature) for name, signature in manifest.parts.items()}
        return {"network": manifest.network, "format": manifest.kind, "written by": versions, **parts}


def _open_jax(content: bytes) -> tuple[Callable[..., np.ndarray], list[ArrayShape]]:
    import jax
    from jax import export

    artifact = export.deserialize(bytearray(content))
    call = jax.jit(artifact.call)
    shapes = [(str(aval.dtype), tuple(map(str, aval.shape))) for aval in (*artifact.in_avals, *artifact.out_avals)]
    return lambda *arrays: np.asarray(call(*arrays)), shapes


def _open_onnx(content: bytes) -> tuple[Callable[..., np.ndarray], list[ArrayShape]]:
    run, inputs, outputs = open_session(content)
    return lambda *arrays: run(*arrays)[0], [*inputs, *outputs]


_OPENERS: dict[FormatName, Callable[[bytes], tuple[Callable[..., np.ndarray], list[ArrayShape]]]] = {
    "jax": _open_jax,
    "onnx": _open_onnx,
}


def _arrays(tensors: Sequence[Tensor]) -> list[ArrayShape]:
    return [(tensor.dtype, tuple(map(str, tensor.dimensions))) for tensor in tensors]


def _check(tensor: Tensor, array: np.ndarray, batch: int) -> None:
    if str(array.dtype) != tensor.dtype or array.shape != (batch, *tensor.shape):
        signature = f"{tensor.dtype} {[batch, *tensor.shape]}"
        raise ConfigError(tensor.name, f"must be {signature}, got {array.dtype} {list(array.shape)}")
