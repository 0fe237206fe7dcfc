"""Starting from a trained model of another kind: AVOL-Net from AVE-Net's towers.

From scratch AVOL-Net learns through one cell of each, which takes far more video than a small collection has. AVE-Net
learns from the whole image and has the same towers and layers, so it is a good place to start from. The papers train
each from scratch; this is beyond them.
"""

from pathlib import Path

import numpy as np
from flax import nnx

from avnet.audio.pcm import from_pcm
from avnet.correspondence.model import Model
from avnet.correspondence.network import Network
from avnet.errors import TrainingError
from train.correspondence.validation import ValidationSet
from train.engine.calibration import fit_calibration

PARTS = ("vision", "audio", "vision_projection", "audio_projection")
SAME = ("image_size", "clip_s", "widths", "embedding_size", "spectrogram", "vision", "audio", "flow_fields")


def start_from(network: Network, path: str | Path, held_out: ValidationSet) -> None:
    """Copies towers and projections of a trained model, and scales the log-odds to suit them.

    Args:
        network: fresh; changed in place.
        path: the model, as `avnet.load` takes it.
        held_out: the validation list, on which two numbers are fitted.

    Raises:
        ModelFolderError: the folder cannot be read.
        TrainingError: the model has other sizes.
    """
    source = Model.load(path).network
    # A backbone sees frames one by one: any number of them suits its weights.
    for name in SAME if network.config.on_known_towers else (*SAME, "frames"):
        if getattr(source.config, name) != getattr(network.config, name):
            raise TrainingError(
                path, f"has another {name} than the network to train; use the same --preset or backbones"
            )
    for part in PARTS:
        if hasattr(network, part) and hasattr(source, part):
            nnx.update(getattr(network, part), nnx.state(getattr(source, part)))
    waveforms = from_pcm(held_out.waveforms)
    log_odds = Model(network.config, network).log_odds_matrix(held_out.images, waveforms)
    # Two numbers turn agreement into log-odds; fresh ones do not suit towers from elsewhere.
    network.rescale(*fit_calibration(log_odds.astype(np.float64), held_out.same_video))
