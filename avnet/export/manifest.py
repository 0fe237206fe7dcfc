"""What an exported model's folder says of itself, in `artifact.json`."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from avnet.export.signature import DTYPES, Signature, Tensor
from avnet.files.artifact import Header

# The model's name among what an exported one requires.
MODEL = "model"
FormatName = Literal["jax", "onnx"]
FORMATS: tuple[FormatName, ...] = ("jax", "onnx")
PARTS = ("image_encoder", "sound_encoder", "scorer", "heatmap")


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
        parts = {name: _listed(self.file(name), signature) for name, signature in self.parts.items()}
        values = {name: value for name, value in asdict(self).items() if name not in ("kind", "fingerprint")}
        return {"format": self.kind, **values, "parts": parts}


def manifest_of(header: Header) -> Manifest:
    """What a header says.

    Raises:
        ModelFolderError: it cannot be.
    """
    with header.checked():
        return _described(header.config, header.requires[MODEL])


def _listed(file: str, signature: Signature) -> dict[str, Any]:
    inputs = [_tensor_listed(one) for one in signature.inputs]
    return {"file": file, "inputs": inputs, "output": _tensor_listed(signature.output)}


def _tensor_listed(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.dimensions), "meaning": tensor.meaning}


def _described(listed: dict[str, Any], fingerprint: str) -> Manifest:
    parts = {name: _part(part) for name, part in listed["parts"].items()}
    if not {"image_encoder", "sound_encoder", "scorer"} <= parts.keys() <= set(PARTS):
        raise ValueError(f"parts are {', '.join(map(repr, parts))}")
    if listed["format"] not in FORMATS:
        raise ValueError(f"the format is {listed['format']!r}")
    return Manifest(
        kind=listed["format"],
        network=_text(listed["network"]),
        fingerprint=fingerprint,
        sample_rate=int(listed["sample_rate"]),
        clip_s=float(listed["clip_s"]),
        platforms=tuple(map(_text, listed["platforms"])),
        versions={name: _text(version) for name, version in listed["versions"].items()},
        parts=parts,
    )


def _part(listed: dict[str, Any]) -> Signature:
    return Signature(tuple(map(_tensor, listed["inputs"])), _tensor(listed["output"]))


def _tensor(listed: dict[str, Any]) -> Tensor:
    batch, *shape = listed["shape"]
    whole = all(type(size) is int and size > 0 for size in shape)
    if batch != "batch" or not whole or listed["dtype"] not in DTYPES:
        raise ValueError(f"an array is {listed['dtype']!r} {listed['shape']!r}")
    return Tensor(_text(listed["name"]), listed["dtype"], tuple(shape), _text(listed["meaning"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
