"""Folders of a text describer: a captioner over words, with its words and its backbone."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save as save_safetensors

from avnet.captioners.captioner import Captioner, build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.guards import Guards
from avnet.describer.caption_memory import CaptionMemory, read_caption_memory
from avnet.describer.familiarity import Familiarity, read_familiarity
from avnet.describer.guards import check_guards
from avnet.files import weights
from avnet.files.artifact import WEIGHTS, new_artifact, read_header
from avnet.files.json_file import parse_json
from avnet.files.kinds import BACKBONE, TEXT_DESCRIBER
from avnet.nn.abstract import abstract_network

MEMORY, WORDS = "memory.safetensors", "words.json"
# The folder of the backbone, in that of the describer.
BACKBONE_FOLDER = "backbone"
# Letters of a word, at most: a file of words is one that a stranger may have written.
LONGEST_WORD = 200


@dataclass(frozen=True)
class TextParts:
    """The learned parts of a text describer.

    Attributes:
        network: over words, for evaluation.
        words: by number; the first is empty and stands for all that are too rare to be learned.
        guards: of its search.
        familiarity: of images.
        memory: captions of the images that were learned from.
        validation: figures of the state that was kept.
        fingerprint: of the folder; empty before it is written.
    """

    network: Captioner
    words: tuple[str, ...]
    guards: Guards
    familiarity: Familiarity
    memory: CaptionMemory
    validation: dict[str, float]
    fingerprint: str = ""


def write_text_describer(path: Path, parts: TextParts, backbone: Path, card: str = "") -> str:
    """Writes a folder; it becomes visible only when it is whole.

    Args:
        path: the folder; an earlier one there is replaced.
        parts: the learned ones.
        backbone: its folder, which is copied.
        card: for people, Markdown.

    Returns:
        The fingerprint.

    Raises:
        ModelFolderError: it cannot be written; an earlier one stays.
    """
    with new_artifact(path, TEXT_DESCRIBER, card) as draft:
        draft.config = {"captioner": parts.network.config.to_dict(), "guards": asdict(parts.guards)}
        draft.facts = {"validation": parts.validation, "words": len(parts.words) - 1}
        (draft.folder / WEIGHTS).write_bytes(weights.to_bytes(parts.network))
        (draft.folder / MEMORY).write_bytes(save_safetensors({**parts.familiarity.arrays, **parts.memory.arrays}))
        (draft.folder / WORDS).write_text(json.dumps(list(parts.words), ensure_ascii=False) + "\n", encoding="utf-8")
        shutil.copytree(backbone, draft.folder / BACKBONE_FOLDER)
        draft.requires[BACKBONE_FOLDER] = read_header(backbone, BACKBONE).fingerprint
    return draft.fingerprint


def read_text_describer(path: str | Path) -> TextParts:
    """Reads the learned parts of a folder, and sees that its backbone is the one that it was trained on.

    Raises:
        ModelFolderError: it is not a text describer, of an earlier or newer avnet, damaged, or its parts do not fit.
    """
    header = read_header(path, TEXT_DESCRIBER)
    header.check_requirement(BACKBONE_FOLDER, read_header(header.folder / BACKBONE_FOLDER, BACKBONE).fingerprint)
    content = header.read(WORDS)
    with header.parsing():
        config = CaptionerConfig.from_dict(header.config["captioner"])
        guards = check_guards(Guards(**header.config["guards"]))
        validation = dict(header.facts["validation"])
        words = check_words(parse_json(content), config.pieces)
    abstract = abstract_network(lambda rngs: build_captioner(config, rngs=rngs))
    network = weights.fill_network(header.folder / WEIGHTS, abstract, header.arrays())
    network.eval()
    file, arrays = header.folder / MEMORY, header.arrays(MEMORY)
    familiarity = read_familiarity(file, arrays, config.image_features)
    memory = read_caption_memory(file, arrays, len(words), len(familiarity.features))
    return TextParts(network, words, guards, familiarity, memory, validation, header.fingerprint)


def check_words(words: object, count: int) -> tuple[str, ...]:
    """Refuses a list of words that is none, or not of so many.

    Raises:
        ValueError: it says what is wrong.
    """
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("its words are no list of words")
    if len(words) != count:
        raise ValueError(f"it has {len(words)} words instead of {count}")
    if words[0] != "" or not all(0 < len(word) <= LONGEST_WORD and word.isprintable() for word in words[1:]):
        raise ValueError("its words are empty, too long or not printable")
    return tuple(words)


def as_pieces(count: int) -> list[np.ndarray]:
    """Each word as a piece of its own, as the search wants them."""
    return [np.array([number], np.int64) for number in range(count)]
