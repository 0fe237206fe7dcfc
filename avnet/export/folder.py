"""Writes the folder of an exported model: a file for each function, `artifact.json` and `README.md`."""

from collections.abc import Callable, Mapping
from pathlib import Path

import jax
from flax import nnx

import avnet
from avnet.correspondence.network import Network
from avnet.errors import ConfigError, ModelFolderError
from avnet.export.manifest import MODEL, FormatName, Manifest
from avnet.export.readme import readme
from avnet.export.signature import Signature, signatures
from avnet.export.stablehlo import PLATFORMS, stablehlo
from avnet.files.artifact import HEADER, new_artifact, read_header
from avnet.files.kinds import EXPORT, Kind

# Neither format's files can be larger; a network's weights lie in two of them.
MAX_BYTES = 2**31 - 2**24


def write(path: str | Path, network: Network, fingerprint: str, kind: FormatName = "jax") -> Manifest:
    """Writes an exported model; it becomes visible only when it is whole.

    Args:
        path: the folder; an earlier exported model there is replaced.
        network: becomes one in evaluation mode.
        fingerprint: of the model.
        kind: 'jax' or 'onnx'.

    Returns:
        What the folder says of itself.

    Raises:
        ModelFolderError: the folder holds something else or cannot be written; the weights are too large.
        ConfigError: for 'onnx' the extra is not installed.
    """
    path = Path(path).resolve()
    check_replaceable(path)
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(nnx.state(network)))
    if size > MAX_BYTES:
        raise ModelFolderError(path, f"cannot be written: {size:,} bytes of weights are more than {MAX_BYTES:,}")
    network.eval()
    config = network.config
    parts = signatures(config)
    files, versions, platforms = _WRITERS[kind](network, parts)
    manifest = Manifest(
        kind=kind,
        network=config.title,
        fingerprint=fingerprint,
        sample_rate=config.spectrogram.sample_rate,
        clip_s=config.clip_s,
        platforms=platforms,
        versions={"avnet": avnet.__version__, **versions},
        parts={name: parts[name] for name in files},
    )
    with new_artifact(path, EXPORT, readme(manifest)) as draft:
        draft.config, draft.requires = manifest.to_dict(), {MODEL: fingerprint}
        for name, content in files.items():
            (draft.folder / manifest.file(name)).write_bytes(content)
    return manifest


def check_replaceable(path: Path, kind: Kind = EXPORT) -> None:
    """Refuses a place that an export would take from something else.

    Args:
        path: the place.
        kind: of the export; an earlier one of that kind is replaced.

    Raises:
        ModelFolderError: it is a file, or a folder that is neither empty nor an export of that kind.
    """
    if path.exists() and not path.is_dir():
        raise ModelFolderError(path, "is not a folder; choose another")
    if path.exists() and any(path.iterdir()):
        if not (path / HEADER).exists():
            raise ModelFolderError(path, f"is neither empty nor {kind.title}; choose another folder")
        # Refuses what is another artifact: its files would be deleted.
        read_header(path, kind)


# The files by name, the versions of what they are written with, and where they run, if not everywhere.
_Files = tuple[dict[str, bytes], dict[str, str], tuple[str, ...]]


def _jax(network: Network, parts: Mapping[str, Signature]) -> _Files:
    return stablehlo(network, parts), {"jax": jax.__version__}, PLATFORMS


def _onnx(network: Network, parts: Mapping[str, Signature]) -> _Files:
    try:
        import onnx  # pyright: ignore[reportMissingImports]: an extra
    except ImportError:
        raise ConfigError("--format onnx", "needs the extra: pip install 'avnet[onnx]'") from None
    from avnet.export.onnx_format.graph import OPSET
    from avnet.export.onnx_format.networks import onnx_graphs

    return onnx_graphs(network, parts), {"onnx": onnx.__version__, "opset": str(OPSET)}, ()


_WRITERS: dict[FormatName, Callable[[Network, Mapping[str, Signature]], _Files]] = {"jax": _jax, "onnx": _onnx}
