"""Folders of a describer: all that it takes to describe a picture in speech.

`config.json`, `describer.safetensors` (the network), `memory.safetensors` (what can be retrieved), and three folders:
`space` (the shared space with its image tower), `units` and `voice` (recordings with their strings).
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx
from safetensors.numpy import save as save_safetensors

from avnet.captioners.captioner import Captioner, build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.search import Guards
from avnet.describer.familiarity import Familiarity
from avnet.errors import ModelFolderError
from avnet.files import weights
from avnet.files.facts import read_facts
from avnet.files.whole import whole_folder
from avnet.units.pieces import Pieces

FORMAT = "avnet-describer-1"
CONFIG, WEIGHTS, MEMORY = "config.json", "describer.safetensors", "memory.safetensors"
SPACE, UNITS, VOICE = "space", "units", "voice"
# Arrays of the memory that are stored in half precision.
HALF = ("embeddings", "features")


@dataclass(frozen=True)
class RetrievalMemory:
    """What can be retrieved.

    Attributes:
        embeddings: float32 [recordings, embedding], unit length, of the speech.
        pieces: int32 [recordings, length], padded.
        picture: int64 [recordings], number of the picture that each describes.
    """

    embeddings: np.ndarray
    pieces: np.ndarray
    picture: np.ndarray


@dataclass(frozen=True)
class DescriberParts:
    """The learned parts of a describer.

    Attributes:
        network: for evaluation.
        pieces: that it says.
        guards: of its search.
        memory: what it retrieves.
        familiarity: of pictures.
        confidence: slope and shift that turn the cosine of a picture and a description into log-odds of a match.
        names: of the pictures that the memory's recordings describe.
        validation: figures of the state that was kept.
        fingerprint: SHA-256 of the network's weights; empty before they are written.
    """

    network: Captioner
    pieces: Pieces
    guards: Guards
    memory: RetrievalMemory
    familiarity: Familiarity
    confidence: tuple[float, float]
    names: tuple[str, ...]
    validation: dict[str, float]
    fingerprint: str = ""


def write_describer(path: Path, parts: DescriberParts, folders: Mapping[str, Path]) -> None:
    """Writes a folder; it becomes visible only when it is whole.

    Args:
        path: the folder; an earlier one there is replaced.
        parts: the learned ones.
        folders: space, units and voice, which are linked or copied.

    Raises:
        ModelFolderError: it cannot be written.
    """
    config = {
        "format": FORMAT,
        "describer": parts.network.config.to_dict(),
        "pieces": [run.tolist() for run in parts.pieces.runs],
        "guards": asdict(parts.guards),
        "confidence": list(parts.confidence),
        "names": list(parts.names),
        "validation": parts.validation,
    }
    memory = {name: np.ascontiguousarray(array) for name, array in vars(parts.memory).items()}
    memory |= {name: np.ascontiguousarray(array) for name, array in vars(parts.familiarity).items()}
    for name in HALF:
        memory[name] = memory[name].astype(np.float16)
    with whole_folder(path, ModelFolderError) as temporary:
        (temporary / CONFIG).write_text(json.dumps(config) + "\n")
        (temporary / WEIGHTS).write_bytes(weights.to_bytes(parts.network))
        (temporary / MEMORY).write_bytes(save_safetensors(memory))
        for name, folder in folders.items():
            shutil.copytree(folder, temporary / name, copy_function=_link)


def _link(source: str, target: str) -> None:
    """A second name for a file where the disk can do that, else a copy: voices take gigabytes."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def read_describer(path: str | Path) -> DescriberParts:
    """Reads the learned parts of a folder.

    Raises:
        ModelFolderError: a file is missing, damaged or does not fit.
    """
    path = Path(path)
    config, pieces, guards, confidence, names, validation = read_facts(path, CONFIG, FORMAT, "a describer", _described)
    arrays, fingerprint = weights.read_arrays(path / WEIGHTS)
    abstract = nnx.eval_shape(lambda: build_captioner(config, rngs=nnx.Rngs(0)))
    network = weights.filled(path / WEIGHTS, abstract, arrays)
    network.eval()
    arrays, _ = weights.read_arrays(path / MEMORY)
    memory = _memory(path / MEMORY, arrays, config, len(names))
    familiarity = _familiarity(path / MEMORY, arrays, config)
    return DescriberParts(network, pieces, guards, memory, familiarity, confidence, names, validation, fingerprint)


def _described(listed: dict[str, Any]):
    """All that the configuration says."""
    config = CaptionerConfig.from_dict(listed["describer"])
    pieces, guards = Pieces(listed["pieces"]), Guards(**listed["guards"])
    if len(pieces) != config.pieces:
        raise ValueError(f"{len(pieces)} pieces, wants {config.pieces}")
    if not all(isinstance(number, int) and 1 <= number <= 1_000_000 for number in (guards.longest, guards.repeated)):
        raise ValueError(f"the guards are {guards}")
    slope, shift = (float(number) for number in listed["confidence"])
    if not np.isfinite([slope, shift]).all():
        raise ValueError("the confidence is not finite")
    return config, pieces, guards, (slope, shift), tuple(map(str, listed["names"])), dict(listed["validation"])


def _familiarity(file: Path, arrays: Mapping[str, np.ndarray], config: CaptionerConfig) -> Familiarity:
    try:
        features, ordinary = arrays["features"].astype(np.float32), arrays["ordinary"].astype(np.float32)
    except (KeyError, ValueError) as error:
        raise ModelFolderError(file, f"is damaged ({error})") from None
    if features.ndim != 2 or not len(features) or features.shape[1] != config.image_features:
        raise ModelFolderError(file, "does not fit the describer's pictures")
    if ordinary.ndim != 1 or not len(ordinary) or not (np.diff(ordinary) >= 0).all():
        raise ModelFolderError(file, "holds likenesses that are not in order")
    if not np.isfinite(features).all():
        raise ModelFolderError(file, "holds values that cannot be")
    return Familiarity(features, ordinary)


def _memory(file: Path, arrays: Mapping[str, np.ndarray], config: CaptionerConfig, pictures: int) -> RetrievalMemory:
    try:
        embeddings = arrays["embeddings"].astype(np.float32)
        pieces, picture = arrays["pieces"].astype(np.int32), arrays["picture"].astype(np.int64)
    except (KeyError, ValueError) as error:
        raise ModelFolderError(file, f"is damaged ({error})") from None
    fits = embeddings.ndim == pieces.ndim == 2 and picture.ndim == 1
    fits = fits and len(embeddings) == len(pieces) == len(picture) > 0
    if not fits or pieces.shape[1] != config.retrieved_length:
        raise ModelFolderError(file, "does not fit the describer")
    if not np.isfinite(embeddings).all() or not 0 <= pieces.min() <= pieces.max() <= config.padding:
        raise ModelFolderError(file, "holds values that cannot be")
    if not 0 <= picture.min() <= picture.max() < pictures:
        raise ModelFolderError(file, "names pictures that are not there")
    return RetrievalMemory(embeddings, pieces, picture)
