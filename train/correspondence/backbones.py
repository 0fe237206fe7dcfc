"""Towers that were trained elsewhere: which of them a run takes, and how much of them it changes."""

from dataclasses import replace
from typing import Any

import jax
import optax
from flax import nnx

from avnet.backbones.audio.backbone import AudioBackbone
from avnet.backbones.backbone import Backbone
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.correspondence.network import Network
from avnet.errors import ConfigError
from train.correspondence.config import FRAMES_NEED_BACKBONES, TrainConfig

TOWERS = ("vision", "audio")


def network_config(config: TrainConfig) -> ModelConfig:
    """What a run trains: a network on the backbones that it is given or that its model has, or a preset.

    Raises:
        ModelFolderError: a folder cannot be read.
        ConfigError: what is to be seen of a moment does not go with the towers.
    """
    on_backbones = _config_on_backbones(config)
    if on_backbones is None:
        if config.frames is not None:
            raise ConfigError("--frames", FRAMES_NEED_BACKBONES)
        return ModelConfig.preset(config.network, config.preset)
    if "-" in config.preset:
        raise ConfigError("--preset", f"cannot be {config.preset} on backbones; use --frames")
    return on_backbones


def _config_on_backbones(config: TrainConfig) -> ModelConfig | None:
    if config.vision is not None and config.audio is not None:
        vision, audio = Backbone.load(config.vision), AudioBackbone.load(config.audio)
        return ModelConfig.on_backbones(config.network, vision.config, audio.config, frames=config.frames or 1)
    if config.init_from is not None and (source := Model.load(config.init_from).config).on_known_towers:
        # Frames share the weights of one: a model may see more, or fewer, than it did.
        return replace(source, network=config.network, frames=config.frames or source.frames)
    return None


def load_backbones(network: Network, config: TrainConfig) -> None:
    """Fills the towers of a fresh network with the backbones of a run, where it has any."""
    if not network.config.on_known_towers:
        return
    if config.vision is not None and config.audio is not None:
        vision, audio = Backbone.load(config.vision).network, AudioBackbone.load(config.audio).network
    else:
        assert config.init_from is not None
        source = Model.load(config.init_from).network
        vision, audio = source.vision, source.audio
    nnx.update(network.vision, nnx.state(vision))
    nnx.update(network.audio, nnx.state(audio))


def with_backbones(
    layers: optax.GradientTransformation, backbones: optax.GradientTransformation | None
) -> optax.GradientTransformation:
    """One optimizer for the layers above the towers and another for these; None leaves the towers as they are."""

    def label(path: Any, _: Any) -> str:
        return "backbones" if path[0].key in TOWERS else "layers"

    return optax.partition(
        {"layers": layers, "backbones": backbones or optax.set_to_zero()},
        lambda params: jax.tree_util.tree_map_with_path(label, params),
    )
