"""Folders of a describer: all that it takes to describe an image in speech.

The network, what can be retrieved, the pieces that are said and the names of images, and three folders: `space` (the
shared space with its image tower), `units` and `voice` (recordings with their strings).
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save as save_safetensors

from avnet.captioners.captioner import Captioner, build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.guards import Guards
from avnet.describer.familiarity import Familiarity, read_familiarity
from avnet.describer.guards import check_guards
from avnet.errors import ModelFolderError
from avnet.files import weights
from avnet.files.artifact import HEADER, WEIGHTS, Header, new_artifact, read_header
from avnet.files.json_file import parse_json
from avnet.files.kinds import DESCRIBER, KINDS
from avnet.nn.abstract import abstract_network
from avnet.units.pieces import Pieces

MEMORY, PIECES, NAMES = "memory.safetensors", "pieces.safetensors", "names.json"
SPACE, UNITS, VOICE = "space", "units", "voice"
# Arrays of the memory that are stored in fewer bits.
EMBEDDINGS, PIECE_ROWS = "embeddings", "pieces"


@dataclass(frozen=True)
class RetrievalMemory:
    """What can be retrieved.

    Attributes:
        embeddings: float32 [recordings, embedding], unit length, of the speech.
        pieces: int32 [recordings, length], padded.
        image: int64 [recordings], number of the image that each describes.
        learned: int64 [recordings], row of that image among those of the familiarity.
    """

    embeddings: np.ndarray
    pieces: np.ndarray
    image: np.ndarray
    learned: np.ndarray


@dataclass(frozen=True)
class DescriberParts:
    """The learned parts of a describer.

    Attributes:
        network: for evaluation.
        pieces: that it says.
        guards: of its search.
        memory: what it retrieves.
        familiarity: of images.
        confidence: slope and shift that turn the cosine of an image and a description into log-odds of a match.
        names: of the images that the memory's recordings describe.
        validation: figures of the state that was kept.
        fingerprint: of the describer's folder; empty before it is written.
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


def write_describer(
    path: Path,
    parts: DescriberParts,
    folders: Mapping[str, Path],
    card: str = "",
    precision: weights.Precision = "float32",
) -> str:
    """Writes a folder; it becomes visible only when it is whole.

    Args:
        path: the folder; an earlier one there is replaced.
        parts: the learned ones.
        folders: space, units and voice, which are linked or copied.
        card: for people, Markdown.
        precision: in which the network's weights are stored; they are float32 again when it is opened. With int8, what
            is retrieved by is stored in int8 too.

    Returns:
        The fingerprint.

    Raises:
        ModelFolderError: it cannot be written, or a weight is beyond float16; an earlier one stays.
    """
    memory = {name: np.ascontiguousarray(array) for name, array in vars(parts.memory).items()}
    if precision == "int8":
        memory |= weights.in_steps(EMBEDDINGS, memory[EMBEDDINGS])
    else:
        memory[EMBEDDINGS] = memory[EMBEDDINGS].astype(np.float16)
    if parts.network.config.padding <= np.iinfo(np.int16).max:
        memory[PIECE_ROWS] = memory[PIECE_ROWS].astype(np.int16)
    memory |= parts.familiarity.arrays
    with new_artifact(path, DESCRIBER, card) as draft:
        draft.config = {
            "captioner": parts.network.config.to_dict(),
            "guards": asdict(parts.guards),
            "confidence": list(parts.confidence),
        }
        draft.facts = {"validation": parts.validation, "recordings": len(parts.memory.image)}
        (draft.folder / WEIGHTS).write_bytes(weights.to_bytes(parts.network, precision))
        (draft.folder / MEMORY).write_bytes(save_safetensors(memory))
        (draft.folder / PIECES).write_bytes(save_safetensors(parts.pieces.arrays))
        (draft.folder / NAMES).write_text(json.dumps(list(parts.names)) + "\n")
        for name, folder in folders.items():
            shutil.copytree(folder, draft.folder / name, copy_function=_link)
            if (folder / HEADER).exists():  # strings of words are no artifact
                draft.requires[name] = read_header(folder, *KINDS.values()).fingerprint
    return draft.fingerprint


def _link(source: str, target: str) -> None:
    """A second name for a file where the disk can do that, else a copy: voices take gigabytes."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def read_describer(path: str | Path) -> DescriberParts:
    """Reads the learned parts of a folder, and sees that the other parts are those that it was made with.

    Raises:
        ModelFolderError: it is not a describer, of an earlier or newer avnet, damaged, or its parts do not fit.
    """
    header = read_header(path, DESCRIBER)
    path = header.folder
    for name in header.requires:
        # Its own three and no other: a header must not lead elsewhere.
        if name not in (SPACE, UNITS, VOICE):
            raise ModelFolderError(path, f"is not a describer, or damaged: it has no part {name!r}")
        header.check_requirement(name, read_header(path / name, *KINDS.values()).fingerprint)
    table, pieces = header.arrays(PIECES), header.read(NAMES)
    with header.parsing():
        config, guards, confidence, validation = _parse(header)
        pieces, names = Pieces.of(table), tuple(map(str, parse_json(pieces)))
        if len(pieces) != config.pieces:
            raise ValueError(f"it has {len(pieces)} pieces instead of {config.pieces}")
    abstract = abstract_network(lambda rngs: build_captioner(config, rngs=rngs))
    network = weights.fill_network(path / WEIGHTS, abstract, header.arrays())
    network.eval()
    arrays = weights.to_floats(header.arrays(MEMORY))
    familiarity = read_familiarity(path / MEMORY, arrays, None if config.regions == "file" else config.image_features)
    memory = _memory(path / MEMORY, arrays, config, len(names), len(familiarity.features))
    return DescriberParts(
        network, pieces, guards, memory, familiarity, confidence, names, validation, header.fingerprint
    )


def _parse(header: Header) -> tuple[CaptionerConfig, Guards, tuple[float, float], dict[str, float]]:
    """All that the header says."""
    config = CaptionerConfig.from_dict(header.config["captioner"])
    guards = check_guards(Guards(**header.config["guards"]))
    slope, shift = (float(number) for number in header.config["confidence"])
    if not np.isfinite([slope, shift]).all():
        raise ValueError("the confidence is not finite")
    return config, guards, (slope, shift), dict(header.facts["validation"])


def _memory(
    file: Path, arrays: Mapping[str, np.ndarray], config: CaptionerConfig, images: int, learned_images: int
) -> RetrievalMemory:
    try:
        embeddings = arrays[EMBEDDINGS].astype(np.float32)
        pieces = arrays[PIECE_ROWS].astype(np.int32)
        image, learned = arrays["image"].astype(np.int64), arrays["learned"].astype(np.int64)
    except (KeyError, ValueError) as error:
        raise ModelFolderError(file, f"is damaged ({error})") from None
    fits = embeddings.ndim == pieces.ndim == 2 and image.ndim == learned.ndim == 1
    fits = fits and len(embeddings) == len(pieces) == len(image) == len(learned) > 0
    if not fits or pieces.shape[1] != config.retrieved_length:
        raise ModelFolderError(file, "does not fit the describer")
    if not np.isfinite(embeddings).all() or not 0 <= pieces.min() <= pieces.max() <= config.padding:
        raise ModelFolderError(file, "holds values out of range")
    if not 0 <= image.min() <= image.max() < images or not 0 <= learned.min() <= learned.max() < learned_images:
        raise ModelFolderError(file, "names images that are not there")
    return RetrievalMemory(embeddings, pieces, image, learned)
