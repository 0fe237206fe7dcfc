"""`avnet export`: a model, or the captioner of a describer, as files that run without this package."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.export.manifest import FormatName
from avnet.files.kinds import Kind


@dataclass(frozen=True)
class ExportConfig:
    """Export a model or a describer as files that run elsewhere: with JAX alone, on CPU, GPU or TPU, or as ONNX.

    Writes the image encoder (of uint8 images), the sound encoder (of waveforms) and the scorer, which gives log-odds of
    correspondence, into --out; of models with heatmaps also the heatmap of a square image, and of base and its kind
    the encoders of what it is made of. Beside them artifact.json lists names, shapes and units, and README.md shows how
    to run them. --format onnx needs the extra: pip install 'avnet[onnx]'.

    Of a describer, whether it speaks or writes, writes its captioner as two functions: encode, once an image, from
    features of its backbone, and step, once a piece or word, which gives log-probabilities, attention and the next
    state. With --format jax they take any number of images and places; with onnx one image with the places of its
    backbone's grid, of windows 30, of files of regions 36, and a mask for fewer.

    Example: avnet export base --out exported --format onnx
    """

    model: Annotated[str, tyro.conf.Positional]
    """Model or describer: a folder, a name, or hf://user/model."""
    out: Path
    """Folder for the files; an earlier export of the same kind there is replaced."""
    format: FormatName = "jax"
    """Format of the files: jax for artifacts of jax.export, onnx for ONNX graphs."""


def run(config: ExportConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: what is to be exported cannot be opened, or the folder not be written.
    """
    from avnet.export.captioner.parts import READERS  # here, as below, since they take a second: help answers at once
    from avnet.files.artifact import read_header
    from avnet.files.kinds import KINDS, MODEL
    from avnet.zoo.reference import locate

    kinds = {MODEL.name: _export_model, **dict.fromkeys(READERS, _export_describer)}
    kind = read_header(locate(config.model).folder, *(KINDS[name] for name in kinds)).kind
    for file, signature in kinds[kind.name](config, kind).items():
        print(f"{config.out / file}: {signature}")
    print(f"how to run them: {config.out / 'README.md'}")


def _export_model(config: ExportConfig, kind: Kind) -> dict[str, str]:
    from avnet.correspondence.model import Model
    from avnet.export.folder import check_replaceable, write

    check_replaceable(config.out)
    model = Model.load(config.model)
    manifest = write(config.out, model.network, model.fingerprint, config.format)
    return {manifest.file(name): str(signature) for name, signature in manifest.parts.items()}


def _export_describer(config: ExportConfig, kind: Kind) -> dict[str, str]:
    from avnet.export.captioner.folder import write_captioner
    from avnet.export.captioner.parts import READERS
    from avnet.export.folder import check_replaceable
    from avnet.files.kinds import EXPORTED_CAPTIONER
    from avnet.zoo.reference import locate

    check_replaceable(config.out, EXPORTED_CAPTIONER)
    return write_captioner(config.out, READERS[kind.name](locate(config.model).folder), config.format)
