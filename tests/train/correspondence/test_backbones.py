import dataclasses
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from random_networks import random_audio_backbone, random_backbone
from spoken.tiny_corpus import write_corpus

from avnet.backbones.audio.backbone import AudioBackbone
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.backbone import Backbone
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.ave import AVENet
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.correspondence.network import build
from avnet.errors import ConfigError
from train.correspondence.backbones import network_config, with_backbones
from train.correspondence.config import TrainConfig
from train.correspondence.program import train

VISION, AUDIO = BackboneConfig.tower(32, (4, 4, 4, 4)), AudioBackboneConfig.yamnet()


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("backbones")
    random_backbone("tower", 32, VISION.widths).save(folder / "vision")
    random_audio_backbone().save(folder / "audio")
    return folder / "vision", folder / "audio"


def config_of(folder: Path, folders: tuple[Path, Path], **options) -> TrainConfig:
    return TrainConfig("ave", folder / "records", folder / "run", vision=folders[0], audio=folders[1], **options)


def test_sizes_are_those_of_the_backbones(tmp_path, folders):
    sizes = network_config(config_of(tmp_path, folders))
    assert (sizes.vision, sizes.audio) == (VISION, AUDIO)
    assert (sizes.image_size, sizes.spectrogram) == (32, AUDIO.spectrogram)
    assert ModelConfig.from_dict(sizes.to_dict()) == sizes


@pytest.mark.parametrize("changed", [{"image_size": 64}, {"spectrogram": ModelConfig().spectrogram}])
def test_sizes_other_than_those_of_the_backbones_are_refused(changed):
    with pytest.raises(ConfigError, match="backbone"):
        dataclasses.replace(ModelConfig.on_backbones("ave", VISION, AUDIO), **changed)


def test_one_backbone_alone_and_a_rate_for_none_are_refused(tmp_path, folders):
    with pytest.raises(ConfigError, match="go together"):
        TrainConfig("ave", tmp_path, tmp_path / "run", vision=folders[0])
    with pytest.raises(ConfigError, match="--backbone-learning-rate: needs --vision and --audio"):
        TrainConfig("ave", tmp_path, tmp_path / "run", backbone_learning_rate=1e-4)


def test_layers_learn_at_one_rate_and_backbones_at_another():
    params: Any = {name: {"kernel": jnp.ones(2)} for name in ("vision", "audio", "vision_projection")}
    gradient = jax.tree.map(jnp.ones_like, params)

    def change(backbones: optax.GradientTransformation | None) -> dict[str, float]:
        optimizer = with_backbones(optax.sgd(1.0), backbones)
        changes: Any = optimizer.update(gradient, optimizer.init(params), params)[0]
        return {name: float(leaf["kernel"][0]) for name, leaf in changes.items()}

    assert change(None) == {"vision": 0.0, "audio": 0.0, "vision_projection": -1.0}
    assert change(optax.sgd(0.25)) == {"vision": -0.25, "audio": -0.25, "vision_projection": -1.0}


def test_backbones_stay_in_evaluation_mode():
    network = nnx.eval_shape(lambda: build(ModelConfig.on_backbones("ave", VISION, AUDIO), rngs=nnx.Rngs(0)))
    network.train()
    norms = [part for _, part in nnx.iter_modules(network) if isinstance(part, nnx.BatchNorm)]
    assert norms
    assert all(norm.use_running_average for norm in norms)


def test_a_run_on_frozen_backbones_trains_the_layers_above_them_alone(tmp_path, folders):
    write_corpus(tmp_path / "records")
    model = Model.load(train(config_of(tmp_path, folders, steps=2, batch_size=4, validate_every=2, validation_pairs=4)))
    assert model.config.title == "AVE-Net"
    for tower, folder in zip(("vision", "audio"), folders, strict=True):
        before = (Backbone if tower == "vision" else AudioBackbone).load(folder).network
        jax.tree.map(np.testing.assert_array_equal, nnx.state(getattr(model.network, tower)), nnx.state(before))
    kernels = [
        cast(AVENet, network).vision_projection.fc1.kernel[...]
        for network in (model.network, build(model.config, rngs=nnx.Rngs(0)))
    ]
    assert np.abs(kernels[0] - kernels[1]).max() > 0
    # As others: 16 kHz are taken from records of 48 kHz, and a clip of any loudness has a unit embedding.
    vectors = model.embed_waveforms(np.random.default_rng(0).normal(0, 0.1, (2, model.config.clip_samples)))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
