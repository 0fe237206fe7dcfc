"""Exported networks on backbones beside the model itself, on noise and on what resembles an image and a sound."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from extras import need
from random_networks import random_network

from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.kinds import NetworkName
from avnet.correspondence.model import Model
from avnet.export.exported import Exported
from avnet.export.folder import write
from avnet.export.manifest import FormatName

SIDE, COUNT = 64, 3
LITE = BackboneConfig("efficientnet-lite0", SIDE, classes=1000)
MOBILE = BackboneConfig("mobilenetv2", SIDE)
YAMNET = AudioBackboneConfig.yamnet(relu6=True)
CONFIGS: dict[NetworkName, ModelConfig] = {
    "joint": ModelConfig.on_backbones("joint", LITE, YAMNET, embedding_size=5),
    "zero-shot": ModelConfig.zero_shot(LITE, YAMNET),
    "ave": ModelConfig.on_backbones("ave", MOBILE, AudioBackboneConfig.yamnet(classes=0), embedding_size=5),
    "avol": ModelConfig.on_backbones("avol", LITE, YAMNET, embedding_size=5),
    "l3": ModelConfig.on_backbones("l3", MOBILE, YAMNET, embedding_size=5),
}


@cache
def model(name: NetworkName) -> Model:
    network = random_network(CONFIGS[name])
    return Model(network.config, network)


@cache
def images():
    """Noise, a smooth image of few colours, and black."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    blocks = np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((SIDE // 4, SIDE // 4, 1))).astype(np.uint8)
    return np.stack([noise, blocks, np.zeros_like(noise)])


def waveforms(config):
    """Noise, a tone that rises and fades, and silence."""
    rate, count = config.spectrogram.sample_rate, config.clip_samples
    t = np.arange(count) / rate
    noise = np.random.default_rng(1).normal(scale=0.1, size=count)
    chirp = 0.5 * np.sin(2 * np.pi * (300 + 200 * t) * t) * np.exp(-6 * (t % 0.5))
    return np.stack([noise, chirp + 0.01 * noise, np.zeros(count)]).astype(np.float32)


@cache
def expected(name: NetworkName) -> dict[str, np.ndarray]:
    """What the model gives, under the names of an exported one's outputs; of heatmaps the probabilities."""
    judge = model(name)
    photos, sounds, kind = images(), waveforms(judge.config), judge.config.kind
    values: dict[str, Any] = {
        "sound_embedding": judge.embed_waveforms(sounds),
        "log_odds": np.diagonal(judge.log_odds_matrix(photos, sounds)),
        "probability": judge.correspondence(photos, sounds),
    }
    if kind.one_vector:
        values["image_embedding"] = judge.embed_images(photos)
    if kind.heatmaps:
        values["heatmap"] = np.stack(judge.heatmaps(photos, sounds, fine=False))
    return values


def outputs(exported: Exported, name: NetworkName, count: int) -> dict[str, np.ndarray]:
    """What an exported model gives for the first images and sounds, every function after those that it takes from."""
    values = {"images": images()[:count], "waveforms": waveforms(CONFIGS[name])[:count]}
    for part, signature in exported.manifest.parts.items():
        values[signature.output.name] = getattr(exported, part)(*(values[tensor.name] for tensor in signature.inputs))
    values["probability"] = sigmoid(values["log_odds"])
    if exported.heatmap is not None:
        values["heatmap"] = sigmoid(values["cell_log_odds"])
    return values


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    @cache
    def make(name: NetworkName, kind: FormatName) -> Exported:
        folder = tmp_path_factory.mktemp("exported") / name
        write(folder, model(name).network, model(name).fingerprint, kind)
        return Exported.load(folder)

    return make


def check(exported: Exported, name: NetworkName, counts: tuple[int, ...], atol: float) -> None:
    for count in counts:
        values = outputs(exported, name, count)
        for what, value in expected(name).items():
            assert values[what].dtype == np.float32 or what in ("probability", "heatmap")
            np.testing.assert_allclose(values[what], value[:count], rtol=0, atol=atol, err_msg=what)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_artefacts_give_what_the_model_gives(place, name):
    check(place(name, "jax"), name, (COUNT,), 1e-4)


@pytest.mark.parametrize("name", CONFIGS)
def test_onnx_gives_what_the_model_gives(place, name):
    need("onnx")
    need("onnxruntime")
    check(place(name, "onnx"), name, (1, COUNT), 1e-4)
