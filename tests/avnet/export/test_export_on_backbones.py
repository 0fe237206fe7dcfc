"""Exported networks on backbones beside the model itself, on noise and on what resembles an image and a sound."""

from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
from extras import need
from PIL import Image
from random_networks import random_ast_backbone, random_network, small_config

import avnet
from avnet.apps.index import index_files
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.heatmaps.refinement import Refinement
from avnet.correspondence.model import Model
from avnet.export.exported import Exported
from avnet.export.folder import write
from avnet.export.manifest import FormatName
from avnet.export.signature import Signature, signatures
from avnet.export.stablehlo import functions
from avnet.files.artifact import read_header
from avnet.files.kinds import EXPORT
from avnet.index.index import Index
from avnet.index.segment import Kind
from avnet.media.write import write_wav
from avnet.names.groups import GROUPS

SIDE, COUNT = 64, 3
LITE = BackboneConfig("efficientnet-lite0", SIDE, classes=1000)
MOBILE = BackboneConfig("mobilenetv2", SIDE)
YAMNET = AudioBackboneConfig.yamnet(relu6=True)
CONFIGS = {
    "joint": ModelConfig.on_backbones("joint", LITE, YAMNET, embedding_size=5),
    "zero-shot": ModelConfig.zero_shot(LITE, YAMNET),
    "ave": ModelConfig.on_backbones("ave", MOBILE, AudioBackboneConfig.yamnet(classes=0), embedding_size=5),
    "avol": ModelConfig.on_backbones("avol", LITE, YAMNET, embedding_size=5),
    "l3": ModelConfig.on_backbones("l3", MOBILE, YAMNET, embedding_size=5),
    "on transformers": ModelConfig.on_backbones(
        "avol", small_config("dinov2", SIDE), random_ast_backbone().config, embedding_size=5
    ),
}


NAMES = (*CONFIGS, "base")


@cache
def model(name: str) -> Model:
    if name == "base":
        return Model.load(name)
    network = random_network(CONFIGS[name])
    return Model(network.config, network)


def inputs_of(config: ModelConfig) -> dict[str, np.ndarray]:
    """Noise, what resembles an image and a sound, and black and silence."""
    return {"images": images(config.image_size), "waveforms": waveforms(config)}


def images(side: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (side, side, 3), np.uint8)
    blocks = np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((side // 4, side // 4, 1))).astype(np.uint8)
    return np.stack([noise, blocks, np.zeros_like(noise)])


def waveforms(config: ModelConfig) -> np.ndarray:
    rate, count = config.spectrogram.sample_rate, config.clip_samples
    t = np.arange(count) / rate
    noise = np.random.default_rng(1).normal(scale=0.1, size=count)
    chirp = 0.5 * np.sin(2 * np.pi * (300 + 200 * t) * t) * np.exp(-6 * (t % 0.5))
    return np.stack([noise, chirp + 0.01 * noise, np.zeros(count)]).astype(np.float32)


@cache
def expected(name: str) -> dict[str, np.ndarray]:
    """What the model gives, under the names of an exported one's outputs; of heatmaps the probabilities."""
    judge = model(name)
    (photos, sounds), kind = inputs_of(judge.config).values(), judge.config.kind
    values: dict[str, Any] = {
        "sound_embedding": judge.embed_waveforms(sounds),
        "log_odds": np.diagonal(judge.log_odds_matrix(photos, sounds)),
        "probability": judge.correspondence(photos, sounds),
    }
    if kind.one_vector:
        values["image_embedding"] = judge.embed_images(photos)
    if kind.heatmaps:
        values["heatmap"] = np.stack(judge.heatmaps(photos, sounds, Refinement(fine=False)))
    return values


def outputs(run: dict[str, Any], parts: dict[str, Signature], given: dict[str, Any]) -> dict[str, Any]:
    """What functions give one after the other, each of what is there by name."""
    values = dict(given)
    for part, signature in parts.items():
        values[signature.output.name] = run[part](*(values[tensor.name] for tensor in signature.inputs))
    return values


def check_against_model(exported: Exported, name: str, counts: tuple[int, ...]) -> None:
    parts = exported.manifest.parts
    run = {part: getattr(exported, part) for part in parts}
    for count in counts:
        given = {what: array[:count] for what, array in inputs_of(model(name).config).items()}
        values = outputs(run, parts, given)
        values["probability"] = sigmoid(values["log_odds"])
        if exported.heatmap is not None:
            values["heatmap"] = sigmoid(values["cell_log_odds"])
        for what, value in expected(name).items():
            np.testing.assert_allclose(values[what], value[:count], rtol=0, atol=1e-4, err_msg=what)


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Gives the folder of an exported network."""

    @cache
    def make(name: str, kind: FormatName):
        if kind == "onnx":
            need("onnx")
            need("onnxruntime")
        folder = tmp_path_factory.mktemp("exported") / kind
        write(folder, model(name).network, model(name).fingerprint, kind)
        return folder

    return make


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["jax", "onnx"])
@pytest.mark.parametrize("name", NAMES)
def test_exported_networks_give_what_the_model_gives(place, name, kind):
    check_against_model(Exported.load(place(name, kind)), name, (1, COUNT) if kind == "onnx" else (COUNT,))


def test_the_page_of_a_joint_network_runs_and_gives_what_the_network_gives(place, monkeypatch):
    folder, network = place("joint", "onnx"), model("joint").network
    parts = Exported.load(folder).manifest.parts
    given = inputs_of(network.config)
    values = jax.jit(lambda given: outputs(functions(network), parts, given))(given)
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec((folder / "README.md").read_text().split("```python\n")[1].split("```")[0], names)
    assert names["cell_log_odds"].shape == (2, 2, 2)
    results = outputs(names, parts, given)
    assert values.keys() == results.keys()
    for name, value in values.items():
        np.testing.assert_allclose(results[name], value, rtol=0, atol=1e-4, err_msg=name)


def test_folder_of_a_joint_network_says_what_its_functions_take_and_give(place):
    folder = place("joint", "onnx")
    parts = read_header(folder, EXPORT).config["parts"]
    groups = len(GROUPS)
    assert {name: part["output"]["shape"] for name, part in parts.items()} == {
        "image_encoder": ["batch", 5 + groups + 2],
        "sound_encoder": ["batch", 5 + groups + 2],
        "scorer": ["batch"],
        "cell_encoder": ["batch", 2, 2, 5 + groups],
        "source_encoder": ["batch", 5 + groups],
        "heatmap": ["batch", 2, 2],
    }
    assert [tensor["name"] for tensor in parts["scorer"]["inputs"]] == ["image_embedding", "sound_embedding"]
    assert [tensor["name"] for tensor in parts["heatmap"]["inputs"]] == ["cells", "source"]
    assert parts["source_encoder"]["inputs"][0]["meaning"] == "mono sound in [-1, 1] at 16000 Hz, 2 s"
    page = (folder / "README.md").read_text()
    assert page.startswith("# Joint network, exported\n")
    for part in parts.values():
        assert all(tensor["meaning"] in page for tensor in (*part["inputs"], part["output"]))


def test_features_of_images_and_of_sounds_have_lengths_of_their_own():
    parts = signatures(CONFIGS["l3"])
    assert parts["image_encoder"].output.shape == (1280,)
    assert parts["sound_encoder"].output.shape == (1024,)


@pytest.mark.slow
def test_an_index_holds_what_an_exported_model_embeds(place, tmp_path):
    exported, config = Exported.load(place("joint", "onnx")), CONFIGS["joint"]
    image, clip = images(SIDE)[1], waveforms(config)[1]
    Image.fromarray(image).save(tmp_path / "photo.png")
    write_wav(tmp_path / "chirp.wav", clip, config.spectrogram.sample_rate)
    index_files(model("joint"), tmp_path / "index", [tmp_path / "photo.png", tmp_path / "chirp.wav"])
    # As a file has it, in 16 bits.
    sound = avnet.read_waveform(tmp_path / "chirp.wav", config.spectrogram.sample_rate)
    vectors: dict[Kind, np.ndarray] = {
        "image": exported.image_encoder(image[None])[0],
        "sound": exported.sound_encoder(sound.cut(mid_s=config.clip_s / 2, clip_s=config.clip_s)[None])[0],
    }
    with Index.open(tmp_path / "index") as index:
        for kind, vector in vectors.items():
            (shelf,) = index.shelves(kind)
            np.testing.assert_allclose(np.asarray(shelf.segment.vectors()), vector[None], rtol=0, atol=1e-5)
