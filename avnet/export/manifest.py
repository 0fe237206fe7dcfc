"""What an exported model's folder says of itself, in `export.json`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from avnet.export.signature import DTYPES, Signature, Tensor
from avnet.files.facts import read_facts

FORMAT = "avnet-export-1"
MANIFEST = "export.json"
FormatName = Literal["jax", "onnx"]
FORMATS: tuple[FormatName, ...] = ("jax", "onnx")
PARTS = ("image_encoder", "sound_encoder", "scorer", "heatmap")


@dataclass(frozen=True)
class Part:
    """A file and the function in it.

    Attributes:
        signature: what it takes and gives.
        sha256: of the file, hexadecimal.
    """

    signature: Signature
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """All of an exported model but its functions.

    Attributes:
        kind: 'jax' or 'onnx'.
        network: its title, as published.
        fingerprint: SHA-256 of the model's weights file.
        sample_rate: Hz.
        clip_s: seconds of sound in one clip.
        platforms: that the functions were lowered for, as JAX names them; of ONNX none, it has no such thing.
        versions: of what wrote the files, by name.
        parts: by name, of `PARTS`.
    """

    kind: FormatName
    network: str
    fingerprint: str
    sample_rate: int
    clip_s: float
    platforms: tuple[str, ...]
    versions: dict[str, str]
    parts: dict[str, Part]

    def file(self, name: str) -> str:
        """The name of a part's file."""
        return f"{name}.{self.kind}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        parts = {name: _listed(self.file(name), part) for name, part in self.parts.items()}
        return {"format": FORMAT, **asdict(self), "parts": parts}


def read_manifest(folder: Path) -> Manifest:
    """What a folder says of itself.

    Raises:
        ModelFolderError: it is no exported model, or what it says is damaged.
    """
    return read_facts(folder, MANIFEST, FORMAT, "an exported model", _described)


def _listed(file: str, part: Part) -> dict[str, Any]:
    inputs = [_tensor_listed(one) for one in part.signature.inputs]
    return {"file": file, "sha256": part.sha256, "inputs": inputs, "output": _tensor_listed(part.signature.output)}


def _tensor_listed(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.dimensions), "meaning": tensor.meaning}


def _described(listed: dict[str, Any]) -> Manifest:
    parts = {name: _part(part) for name, part in listed["parts"].items()}
    if not {"image_encoder", "sound_encoder", "scorer"} <= parts.keys() <= set(PARTS):
        raise ValueError(f"parts are {', '.join(map(repr, parts))}")
    if listed["kind"] not in FORMATS:
        raise ValueError(f"kind is {listed['kind']!r}")
    return Manifest(
        kind=listed["kind"],
        network=_text(listed["network"]),
        fingerprint=_text(listed["fingerprint"]),
        sample_rate=int(listed["sample_rate"]),
        clip_s=float(listed["clip_s"]),
        platforms=tuple(map(_text, listed["platforms"])),
        versions={name: _text(version) for name, version in listed["versions"].items()},
        parts=parts,
    )


def _part(listed: dict[str, Any]) -> Part:
    signature = Signature(tuple(map(_tensor, listed["inputs"])), _tensor(listed["output"]))
    return Part(signature, _text(listed["sha256"]))


def _tensor(listed: dict[str, Any]) -> Tensor:
    batch, *shape = listed["shape"]
    whole = all(type(size) is int and size > 0 for size in shape)
    if batch != "batch" or not whole or listed["dtype"] not in DTYPES:
        raise ValueError(f"an array is {listed['dtype']!r} {listed['shape']!r}")
    return Tensor(_text(listed["name"]), listed["dtype"], tuple(shape), _text(listed["meaning"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"wants text, got {value!r}")
    return value
