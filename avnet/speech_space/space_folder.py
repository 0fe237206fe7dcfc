"""Folders of a shared space of speech: its image tower, its network, and how well it did on validation."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flax import nnx

from avnet.backbones.backbone import Backbone, read_backbone, write_backbone
from avnet.errors import ModelFolderError
from avnet.files import weights
from avnet.files.facts import read_facts
from avnet.files.whole import whole_folder
from avnet.speech_space.space import SpaceConfig, SpeechSpace

FORMAT = "avnet-speech-1"
CONFIG, WEIGHTS, IMAGE = "config.json", "space.safetensors", "image"


@dataclass(frozen=True)
class Space:
    """A trained space.

    Attributes:
        network: for evaluation.
        image_tower: makes grids of pictures.
        fingerprint: of the network's weights.
        validation: figures of the state that was kept.
    """

    network: SpeechSpace
    image_tower: Backbone
    fingerprint: str
    validation: dict[str, float]


def write_space(path: Path, network: SpeechSpace, image_tower: Backbone, validation: Mapping[str, float]) -> None:
    """Writes a folder; it becomes visible only when it is whole.

    Raises:
        ModelFolderError: it cannot be written.
    """
    config = {"format": FORMAT, "space": network.config.to_dict(), "validation": dict(validation)}
    with whole_folder(path, ModelFolderError) as temporary:
        (temporary / WEIGHTS).write_bytes(weights.to_bytes(network))
        (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
        write_backbone(temporary / IMAGE, image_tower)


def read_space(path: str | Path) -> Space:
    """Reads a folder.

    Raises:
        ModelFolderError: a file is missing, damaged or does not fit.
    """
    path = Path(path)
    config, validation = read_facts(path, CONFIG, FORMAT, "a space of speech", _described)
    arrays, fingerprint = weights.read_arrays(path / WEIGHTS)
    abstract = nnx.eval_shape(lambda: SpeechSpace(config, rngs=nnx.Rngs(0)))
    network = weights.filled(path / WEIGHTS, abstract, arrays)
    network.eval()
    image_tower = read_backbone(path / IMAGE)
    if image_tower.features != config.image_features:
        raise ModelFolderError(path / IMAGE, f"has {image_tower.features} features, wants {config.image_features}")
    return Space(network, image_tower, fingerprint, validation)


def _described(listed: dict[str, Any]) -> tuple[SpaceConfig, dict[str, float]]:
    return SpaceConfig.from_dict(listed["space"]), dict(listed["validation"])
