"""`python -m train zero-shot`: two classifiers become a model, joined by the names of their classes."""

from collections.abc import Mapping

import numpy as np

from avnet.backbones.audio.backbone import AudioBackbone
from avnet.backbones.backbone import Backbone
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.correspondence.network import build
from avnet.correspondence.zero_shot import SHIFT, SLOPE, ZeroShotNet
from avnet.files.weights import arrays_of, fill_network
from avnet.nn.abstract import abstract_network
from train.convert.config import ZeroShotConfig
from train.correspondence.card import zero_shot_card
from train.correspondence.validation import read_validation, score_all
from train.engine.calibration import fit_calibration


def zero_shot(config: ZeroShotConfig) -> str:
    """Runs the whole command.

    Returns:
        The fingerprint of the model.

    Raises:
        ConfigError: a backbone has no classifier.
        DataError: the records cannot be read.
        ModelFolderError: a folder is no backbone, or the model cannot be written.
    """
    network = join(Backbone.load(config.vision), AudioBackbone.load(config.audio), config.frames)
    calibrated_on = "246 clips of real video"
    if config.data is not None:
        held_out = read_validation(config.data, network.config, config.pairs)
        network.rescale(*fit_calibration(score_all(network, held_out), held_out.same_video))
        calibrated_on = f"{len(held_out.images)} pairs of the user's own videos"
    fingerprint = Model(network.config, network).save(config.out, zero_shot_card(network.config, calibrated_on))
    print(f"calibrated on {calibrated_on}")
    print(f"model: {config.out} ({network.config.title}, {fingerprint[:12]})")
    return fingerprint


def join(vision: Backbone, audio: AudioBackbone, frames: int = 1) -> ZeroShotNet:
    """The network of two backbones, in evaluation mode, with the calibration that comes with avnet.

    Args:
        vision: which says what is in each cell.
        audio: which says what is audible.
        frames: of a moment that are seen.

    Raises:
        ConfigError: a backbone has no classifier.
    """
    config = ModelConfig.zero_shot(vision.config, audio.config, frames)
    network = abstract_network(lambda rngs: build(config, rngs=rngs))
    assert isinstance(network, ZeroShotNet)
    arrays = {
        **_within("vision", arrays_of(vision.network)),
        **_within("audio", arrays_of(audio.network)),
        "scale": np.array(SLOPE, np.float32),
        "shift": np.array(SHIFT, np.float32),
    }
    network = fill_network("backbones", network, arrays)
    network.eval()
    return network


def _within(tower: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{tower}.{name}": array for name, array in arrays.items()}
