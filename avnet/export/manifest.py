"""What an exported model's folder says of itself, in `artifact.json`."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from avnet.export.signature import DTYPES, Signature, Tensor
from avnet.files.artifact import Header

# The model's name among what an exported one requires.
MODEL = "model"
FormatName = Literal["jax", "onnx"]
FORMATS: tuple[FormatName, ...] = ("jax", "onnx")
PARTS = ("image_encoder", "sound_encoder", "scorer", "cell_encoder", "source_encoder", "heatmap")


@dataclass(frozen=True)
class Manifest:
    """All of an exported model but its functions.

    Attributes:
        kind: 'jax' or 'onnx'.
        network: its title, as published.
        fingerprint: of the model.
        sample_rate: Hz.
        clip_s: seconds of sound in one clip.
        platforms: that the functions were lowered for, as JAX names them; of ONNX none, it has no such thing.
        versions: of what wrote the files, by name.
        parts: what each takes and gives, by name, of `PARTS`.
    """

    kind: FormatName
    network: str
    fingerprint: str
    sample_rate: int
    clip_s: float
    platforms: tuple[str, ...]
    versions: dict[str, str]
    parts: dict[str, Signature]

    def file(self, name: str) -> str:
        """The name of a part's file."""
        return f"{name}.{self.kind}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the header, all but the fingerprint."""
        parts = {name: _to_json(self.file(name), signature) for name, signature in self.parts.items()}
        values = {name: value for name, value in asdict(self).items() if name not in ("kind", "fingerprint")}
        return {"format": self.kind, **values, "parts": parts}


def manifest_of(header: Header) -> Manifest:
    """What a header says.

    Raises:
        ModelFolderError: it cannot be.
    """
    with header.parsing():
        return _parse(header.config, header.requires[MODEL])


def _to_json(file: str, signature: Signature) -> dict[str, Any]:
    inputs = [_tensor_to_json(one) for one in signature.inputs]
    return {"file": file, "inputs": inputs, "output": _tensor_to_json(signature.output)}


def _tensor_to_json(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.dimensions), "meaning": tensor.meaning}


def _parse(values: dict[str, Any], fingerprint: str) -> Manifest:
    parts = {name: _part(part) for name, part in values["parts"].items()}
    if not {"image_encoder", "sound_encoder", "scorer"} <= parts.keys() <= set(PARTS):
        raise ValueError(f"parts are {', '.join(map(repr, parts))}")
    if values["format"] not in FORMATS:
        raise ValueError(f"the format is {values['format']!r}")
    return Manifest(
        kind=values["format"],
        network=_text(values["network"]),
        fingerprint=fingerprint,
        sample_rate=int(values["sample_rate"]),
        clip_s=float(values["clip_s"]),
        platforms=tuple(map(_text, values["platforms"])),
        versions={name: _text(version) for name, version in values["versions"].items()},
        parts=parts,
    )


def _part(values: dict[str, Any]) -> Signature:
    return Signature(tuple(map(_tensor, values["inputs"])), _tensor(values["output"]))


def _tensor(values: dict[str, Any]) -> Tensor:
    batch, *shape = values["shape"]
    # Not `isinstance`: JSON's true is an int to Python.
    whole = all(type(size) is int and size > 0 for size in shape)
    if batch != "batch" or not whole or values["dtype"] not in DTYPES:
        raise ValueError(f"an array is {values['dtype']!r} {values['shape']!r}")
    return Tensor(_text(values["name"]), values["dtype"], tuple(shape), _text(values["meaning"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
