"""Writes the folder of an exported captioner: two functions, what they say, and how to run them."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import jax
from flax import nnx
from safetensors.numpy import save as save_safetensors

import avnet
from avnet.describer.text_folder import WORDS
from avnet.errors import ConfigError, ModelFolderError
from avnet.export.captioner.functions import Functions
from avnet.export.captioner.parts import CaptionerParts
from avnet.export.captioner.readme import file_of, readme, signatures_of
from avnet.export.captioner.stablehlo import jax_functions
from avnet.export.folder import MAX_BYTES, check_replaceable
from avnet.export.manifest import FormatName
from avnet.files.artifact import new_artifact
from avnet.files.kinds import EXPORTED_CAPTIONER

# The describer's name among what an exported captioner requires.
DESCRIBER = "describer"
PIECES = "pieces.safetensors"


def write_captioner(path: str | Path, parts: CaptionerParts, kind: FormatName = "jax") -> dict[str, str]:
    """Writes an exported captioner; it becomes visible only when it is whole.

    Args:
        path: the folder; an earlier exported captioner there is replaced.
        parts: of the describer.
        kind: 'jax', for any number of images and places, or 'onnx', for one image of so many places.

    Returns:
        What each function takes and gives, by the name of its file.

    Raises:
        ModelFolderError: the folder holds something else or cannot be written; the weights are too large.
        ConfigError: for 'onnx' the extra is not installed, or the network does what has no translation.
    """
    path = Path(path).resolve()
    check_replaceable(path, EXPORTED_CAPTIONER)
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(nnx.state(parts.network)))
    if size > MAX_BYTES:
        raise ModelFolderError(path, f"cannot be written: {size:,} bytes of weights are more than {MAX_BYTES:,}")
    functions, versions = _WRITERS[kind](parts)
    with new_artifact(path, EXPORTED_CAPTIONER, readme(parts, functions, kind, versions)) as draft:
        draft.config = {
            "captioner": parts.network.config.to_dict(),
            "format": kind,
            "places": functions.places,
            "guards": asdict(parts.guards),
            "never": list(parts.never),
            "words": len(parts.words),
            "encoding": [asdict(array) for array in functions.encoding],
            "state": [asdict(array) for array in functions.state],
            "versions": {"avnet": avnet.__version__, **versions},
        }
        draft.requires = {DESCRIBER: parts.fingerprint}
        (draft.folder / PIECES).write_bytes(save_safetensors(parts.pieces.arrays))
        if parts.words:
            text = json.dumps(list(parts.words), ensure_ascii=False) + "\n"
            (draft.folder / WORDS).write_text(text, encoding="utf-8")
        for name, content in functions.files.items():
            (draft.folder / file_of(name, kind)).write_bytes(content)
    return signatures_of(parts.network.config, functions, kind)


# The functions, and the versions of what they are written with.
_Written = tuple[Functions, dict[str, str]]


def _jax(parts: CaptionerParts) -> _Written:
    return jax_functions(parts.network), {"jax": jax.__version__}


def _onnx(parts: CaptionerParts) -> _Written:
    try:
        import onnx  # pyright: ignore[reportMissingImports]: an extra
    except ImportError:
        raise ConfigError("--format onnx", "needs the extra: pip install 'avnet[onnx]'") from None
    from avnet.export.captioner.onnx_graphs import onnx_functions
    from avnet.export.onnx_format.graph import OPSET

    return onnx_functions(parts.network, parts.places), {"onnx": onnx.__version__, "opset": str(OPSET)}


_WRITERS: dict[FormatName, Callable[[CaptionerParts], _Written]] = {"jax": _jax, "onnx": _onnx}
