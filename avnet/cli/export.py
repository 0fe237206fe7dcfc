"""`avnet export`: a model as files that run without this package."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.export.manifest import FormatName


@dataclass(frozen=True)
class ExportConfig:
    """Export a model as files that run elsewhere: with JAX alone, on CPU, GPU or TPU, or as ONNX.

    Writes the image encoder (of uint8 images), the sound encoder (of waveforms) and the scorer, which gives log-odds of
    correspondence, into --out; of models with heatmaps also the heatmap of a square image, and of base and its kind
    the encoders of what it is made of. Beside them artifact.json lists names, shapes and units, and README.md shows how
    to run them. --format onnx needs the extra: pip install 'avnet[onnx]'.

    Example: avnet export base --out exported --format onnx
    """

    model: Annotated[str, tyro.conf.Positional]
    """Model: a folder, a name, or hf://user/model."""
    out: Path
    """Folder for the files; an earlier exported model there is replaced."""
    format: FormatName = "jax"
    """Format of the files: jax for artifacts of jax.export, onnx for ONNX graphs."""


def run(config: ExportConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model cannot be opened, or the folder not be written.
    """
    from avnet.correspondence.model import Model  # here, since it takes a second: help answers at once
    from avnet.export.folder import check_replaceable, write

    check_replaceable(config.out)
    model = Model.load(config.model)
    manifest = write(config.out, model.network, model.fingerprint, config.format)
    for name, signature in manifest.parts.items():
        print(f"{config.out / manifest.file(name)}: {signature}")
    print(f"how to run them: {config.out / 'README.md'}")
