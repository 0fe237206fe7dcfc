"""The registries of towers and audio backbones, and what networks of correspondence begin with."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto  # pyright: ignore[reportMissingImports]: an extra

from avnet.backbones.audio.ast import AST
from avnet.backbones.audio.network import AudioNetwork
from avnet.backbones.audio.yamnet import YAMNet
from avnet.backbones.image.efficientnet import EfficientNetLite0
from avnet.backbones.image.inverted_residual import Trunk
from avnet.backbones.image.mobilenet import MobileNetV2
from avnet.backbones.image.vit import ViT
from avnet.backbones.tower import Tower
from avnet.backbones.video import FlowTower, FramesTower
from avnet.correspondence.towers import TwoTowers
from avnet.export.onnx_format import layers
from avnet.export.onnx_format.graph import Graph
from avnet.export.onnx_format.separable import trunk, yamnet_vectors
from avnet.export.onnx_format.spectrogram import log_spectrogram
from avnet.export.onnx_format.towers import flow_tower, frames_tower, tower
from avnet.export.onnx_format.transformers import ast_logits, ast_vectors, vit


def _of_any_side(writer: Callable[[Graph, Any, str], str]) -> Callable[[Graph, Any, str, int], str]:
    return lambda graph, network, x, side: writer(graph, network, x)


# Images in [0, 1], channels first, and how many pixels their sides have, to the grid of features, channels last.
GRIDS: dict[type, Callable[[Graph, Any, str, int], str]] = {
    Tower: _of_any_side(tower),
    FramesTower: frames_tower,
    FlowTower: _of_any_side(flow_tower),
    MobileNetV2: _of_any_side(trunk),
    EfficientNetLite0: _of_any_side(trunk),
    ViT: vit,
}


class AudioWriters(NamedTuple):
    """An audio backbone.

    Attributes:
        vectors: patches of spectrograms, [batch, 1, bins, frames], to the vector of each.
        logits: vectors to the logits of classes.
    """

    vectors: Callable[[Graph, Any, str], str]
    logits: Callable[[Graph, Any, str], str]


AUDIO_BACKBONES: dict[type, AudioWriters] = {
    YAMNet: AudioWriters(yamnet_vectors, lambda graph, network, x: layers.linear(graph, network.classifier, x)),
    AST: AudioWriters(ast_vectors, ast_logits),
}


def image_grid(graph: Graph, network: TwoTowers, images: str) -> str:
    """[batch, height, width, channels] of bytes to [batch, rows, columns, features]."""
    pixels = graph.add("Div", graph.add("Cast", images, to=TensorProto.FLOAT), graph.constant(255))
    first = graph.add("Transpose", pixels, perm=[0, 3, 1, 2])
    write, side, frames = GRIDS[type(network.vision)], network.config.image_size, network.config.frames
    if not network.config.pools_frames:
        return write(graph, network.vision, first, side)
    each = graph.add("Reshape", first, graph.constant([-1, 3, side, side], "int64"))
    grids, cells = write(graph, network.vision, each, side), network.vision.cells(side)
    shape = graph.constant([-1, frames, cells, cells, network.vision.features], "int64")
    return layers.mean(graph, graph.add("Reshape", grids, shape), [1])


def pool_cells(graph: Graph, network: TwoTowers, grid: str) -> str:
    """`TwoTowers.pool_cells`."""
    pool = layers.largest if network.config.vision is None else layers.mean
    return pool(graph, grid, [1, 2])


def sound_features(graph: Graph, network: TwoTowers, waveforms: str) -> str:
    """`TwoTowers.sound_features`, of waveforms: [batch, features]."""
    if isinstance(network.audio, Tower):
        spectrogram = log_spectrogram(graph, network.config.spectrogram, waveforms)
        return layers.largest(graph, tower(graph, network.audio, spectrogram), [1, 2])
    return layers.mean(graph, patch_features(graph, network, waveforms), [1])


def patch_features(graph: Graph, network: TwoTowers, waveforms: str) -> str:
    """`TwoTowers.patch_features`, of waveforms: [batch, patches, features]."""
    config, audio = network.config, network.audio
    assert isinstance(audio, AudioNetwork)
    spectrogram = log_spectrogram(graph, config.spectrogram, waveforms)
    starts = network.patch_starts(config.spectrogram.frames(config.clip_samples))
    frames = starts[:, None] + np.arange(audio.patch_frames)
    # [batch, 1, bins, patches, frames]
    cut = graph.add("Gather", spectrogram, graph.constant(frames, "int64"), axis=3)
    cut = graph.add("Transpose", cut, perm=[0, 3, 1, 2, 4])
    count, length = frames.shape
    patches = graph.add("Reshape", cut, graph.constant([-1, 1, config.spectrogram.bins, length], "int64"))
    vectors = AUDIO_BACKBONES[type(audio)].vectors(graph, audio, patches)
    return graph.add("Reshape", vectors, graph.constant([-1, count, audio.features], "int64"))


def image_logits(graph: Graph, network: TwoTowers, grid: str) -> str:
    """Logits of the classes in each cell; all backbones that keep a classifier of images have a linear one."""
    assert isinstance(network.vision, Trunk) and network.vision.classifier is not None
    return layers.linear(graph, network.vision.classifier, grid)


def audio_logits(graph: Graph, network: TwoTowers, vectors: str) -> str:
    """Logits of the classes of sounds, over the last axis."""
    return AUDIO_BACKBONES[type(network.audio)].logits(graph, network.audio, vectors)
