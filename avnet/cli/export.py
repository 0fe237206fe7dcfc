"""`avnet export`: a model, or the captioner of a describer, as files that run without this package."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.errors import ConfigError
from avnet.export.manifest import FormatName


@dataclass(frozen=True)
class ExportConfig:
    """Export a model or a describer as files that run elsewhere: with JAX alone, on CPU, GPU or TPU, or as ONNX.

    Writes the image encoder (of uint8 images), the sound encoder (of waveforms) and the scorer, which gives log-odds of
    correspondence, into --out; of models with heatmaps also the heatmap of a square image, and of base and its kind
    the encoders of what it is made of. Beside them artifact.json lists names, shapes and units, and README.md shows how
    to run them. --format onnx needs the extra: pip install 'avnet[onnx]'.

    Of a describer, writes its captioner as two functions: encode, once an image, from features of its backbone, and
    step, once a piece, which gives log-probabilities, attention and the next state. Only with --format jax.

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
    from avnet.files.artifact import read_header  # here, as below, since they take a second: help answers at once
    from avnet.files.kinds import DESCRIBER, MODEL
    from avnet.zoo.reference import locate

    exporters = {MODEL.name: _export_model, DESCRIBER.name: _export_describer}
    kind = read_header(locate(config.model).folder, MODEL, DESCRIBER).kind
    for file, signature in exporters[kind.name](config).items():
        print(f"{config.out / file}: {signature}")
    print(f"how to run them: {config.out / 'README.md'}")


def _export_model(config: ExportConfig) -> dict[str, str]:
    from avnet.correspondence.model import Model
    from avnet.export.folder import check_replaceable, write

    check_replaceable(config.out)
    model = Model.load(config.model)
    manifest = write(config.out, model.network, model.fingerprint, config.format)
    return {manifest.file(name): str(signature) for name, signature in manifest.parts.items()}


def _export_describer(config: ExportConfig) -> dict[str, str]:
    from avnet.describer.folder import read_describer
    from avnet.export.captioner.folder import write_captioner
    from avnet.export.folder import check_replaceable
    from avnet.files.kinds import EXPORTED_CAPTIONER
    from avnet.zoo.reference import locate

    if config.format != "jax":
        raise ConfigError("--format", f"must be jax for a describer, got {config.format}")
    check_replaceable(config.out, EXPORTED_CAPTIONER)
    parts = read_describer(locate(config.model).folder)
    return write_captioner(config.out, parts.network, parts.pieces, parts.guards, parts.fingerprint)
