"""Each family of networks as ONNX beside the network itself: every one of the registries."""

from collections.abc import Callable
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from random_networks import random_ast_backbone, random_audio_backbone, random_backbone, randomize

from avnet.audio.config import MELS, SpectrogramConfig
from avnet.audio.spectrogram import log_spectrogram
from avnet.backbones.audio.network import AUDIO_NETWORKS
from avnet.backbones.image.config import ViTConfig
from avnet.backbones.image.vit import ViT
from avnet.backbones.network import NETWORKS
from avnet.correspondence import zero_shot
from avnet.export.signature import Signature, Tensor
from avnet.names.groups import GROUPS

need("onnx")
onnxruntime = need("onnxruntime")

from avnet.export.onnx_format import backbones, names, spectrogram  # noqa: E402  (after the skip)
from avnet.export.onnx_format.graph import Graph  # noqa: E402  (after the skip)

# Divided by neither 16 nor 32, and of more patches than positions were learned for.
SIDE = 72
FRONT = SpectrogramConfig(sample_rate=8_000, win_length=250, hop_length=120, n_fft=256, n_mels=17, f_max=4_000.0)


def check(write: Callable[..., str], arrays: list[np.ndarray], expected: np.ndarray, atol: float = 1e-5) -> None:
    """What a graph of some inputs gives is what is expected."""
    graph = Graph()
    inputs = tuple(Tensor(f"x{i}", "float32", array.shape[1:], "") for i, array in enumerate(arrays))
    value = write(graph, *(tensor.name for tensor in inputs))
    signature = Signature(inputs, Tensor("y", "float32", expected.shape[1:], ""))
    session = onnxruntime.InferenceSession(
        graph.to_bytes("graph", signature, value), providers=["CPUExecutionProvider"]
    )
    (result,) = session.run(None, {tensor.name: array for tensor, array in zip(inputs, arrays, strict=True)})
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=atol)


def uniform(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)


def check_grid(network) -> None:
    images = uniform(2, SIDE, SIDE, 3)
    expected = np.asarray(nnx.jit(lambda network, x: network(x))(network, images))
    write = backbones.GRIDS[type(network)]
    check(lambda graph, x: write(graph, network, x, SIDE), [images.transpose(0, 3, 1, 2).copy()], expected, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_grids_of_every_image_backbone(name):
    widths = (4, 4, 6, 8) if name == "tower" else None
    check_grid(random_backbone(name, SIDE, widths).network)


def test_a_transformer_with_registers_and_positions_for_each_patch():
    config = ViTConfig(patch_size=8, width=32, depth=1, heads=4, hidden=64, grid=9, registers=3)
    network = randomize(nnx.eval_shape(lambda: ViT(config, rngs=nnx.Rngs(0))))
    network.eval()
    check_grid(network)


@pytest.mark.parametrize("name", AUDIO_NETWORKS)
def test_vectors_and_logits_of_every_audio_backbone(name):
    backbone = random_audio_backbone() if name == "yamnet" else random_ast_backbone(name, classes=527)
    network, bins = backbone.network, backbone.config.spectrogram.bins
    patches = 4 * uniform(2, bins, network.patch_frames, 1) - 6
    expected = np.asarray(nnx.jit(lambda network, x: network.embed(x))(network, patches))
    writers = backbones.AUDIO_BACKBONES[type(network)]
    check(lambda graph, x: writers.vectors(graph, network, x), [patches.transpose(0, 3, 1, 2).copy()], expected)
    logits = np.asarray(network.classify(jnp.asarray(expected)))
    check(lambda graph, x: writers.logits(graph, network, x), [expected], logits)


@pytest.mark.parametrize("mel", MELS)
@pytest.mark.parametrize("n_mels", [17, None])
def test_spectrograms_of_every_form(mel, n_mels):
    front = replace(FRONT, mel=mel, n_mels=n_mels)
    # Far from zero on the average, which Kaldi's form takes off.
    waveforms = 0.3 + 0.2 * np.random.default_rng(0).normal(size=(2, 4_000)).astype(np.float32)
    expected = np.asarray(log_spectrogram(jnp.asarray(waveforms), front)).transpose(0, 3, 1, 2)
    check(lambda graph, x: spectrogram.log_spectrogram(graph, front, x), [waveforms], expected, atol=1e-3)


def test_groups_of_classes_and_their_evidence():
    logits, probabilities = 9 * uniform(2, 3, 3, 1000), uniform(2, 521, seed=1)
    cells = np.asarray(zero_shot.image_groups(jnp.asarray(logits)))
    check(names.image_groups, [logits], cells)
    sounds = np.asarray(zero_shot.sound_groups(jnp.asarray(probabilities)))
    assert cells.shape[-1] == sounds.shape[-1] == len(GROUPS)
    check(lambda graph, x: names.sound_groups(graph, x, 521), [probabilities], sounds)
    weights = np.asarray(zero_shot.group_weights(), np.float64)
    evidence = np.einsum("brcg,bg->brc", cells.astype(np.float64), weights * sounds)
    check(names.log_evidence, [cells, sounds], np.log(evidence + zero_shot.FLOOR))
