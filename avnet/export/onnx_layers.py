"""Layers and the spectrogram as operators of an ONNX graph.

Channels first, as ONNX has it, up to the embeddings. The discrete Fourier transform is a convolution of the waveform
with windowed cosines and sines, so that every runtime and device that has convolutions has the sound encoder. It is as
near to the exact transform as JAX's fast one is. Where a loud tone leaves a band silent, either holds rounding alone,
which the logarithm makes a thousand times larger: unit embeddings of pure tones differ by up to 2e-4.
"""

import numpy as np
from flax import nnx

from avnet.audio.config import SpectrogramConfig
from avnet.audio.spectrogram import hann, mel_filterbank
from avnet.backbones.tower import ConvBlock, Projection, Tower
from avnet.export.onnx_graph import Graph
from avnet.nn.numerics import TINY


def log_spectrogram(graph: Graph, config: SpectrogramConfig, waveforms: str) -> str:
    """[batch, samples] to [batch, 1, bins, frames]."""
    bins = config.n_fft // 2 + 1
    # A whole number of turns less leaves the angle small enough to be exact.
    turns = np.outer(np.arange(bins), np.arange(config.win_length)) % config.n_fft / config.n_fft
    waves = np.concatenate([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)]) * hann(config.win_length)
    alone = graph.add("Unsqueeze", waveforms, graph.constant([1], "int64"))
    parts = graph.add("Conv", alone, graph.constant(waves[:, None]), strides=[config.hop_length])
    halves = graph.add("Reshape", parts, graph.constant([0, 2, bins, -1], "int64"))
    power = graph.add("ReduceSumSquare", halves, graph.constant([1], "int64"), keepdims=0)
    if config.n_mels is None:
        magnitude = graph.add("Sqrt", power)
    elif config.mel == "magnitude":
        magnitude = graph.add("MatMul", graph.constant(mel_filterbank(config).T), graph.add("Sqrt", power))
    else:
        magnitude = graph.add("Sqrt", graph.add("MatMul", graph.constant(mel_filterbank(config).T), power))
    logarithm = graph.add("Log", graph.add("Add", magnitude, graph.constant(config.floor)))
    return graph.add("Unsqueeze", logarithm, graph.constant([1], "int64"))


def tower(graph: Graph, network: Tower, x: str) -> str:
    """[batch, channels, rows, columns] to the grid of features."""
    for i, block in enumerate(network.blocks):
        x = _conv_block(graph, block, x)
        if i in (1, 3, 5):
            x = graph.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    return x


def _conv_block(graph: Graph, block: ConvBlock, x: str) -> str:
    conv, norm = block.conv, block.norm
    assert conv.bias is not None and norm.scale is not None and norm.bias is not None
    kernel = graph.constant(np.transpose(conv.kernel[...], (3, 2, 0, 1)))
    strides = np.broadcast_to(np.array(conv.strides), 2).tolist()
    # SAME_UPPER pads as SAME does: the odd row and column come last.
    x = graph.add("Conv", x, kernel, graph.constant(conv.bias[...]), strides=strides, auto_pad="SAME_UPPER")
    arrays = [graph.constant(array[...]) for array in (norm.scale, norm.bias, norm.mean, norm.var)]
    return graph.add("Relu", graph.add("BatchNormalization", x, *arrays, epsilon=norm.epsilon))


def global_max_pool(graph: Graph, grid: str) -> str:
    """[batch, features, rows, columns] to [batch, features]: the largest over the grid."""
    return graph.add("ReduceMax", grid, graph.constant([2, 3], "int64"), keepdims=0)


def projection(graph: Graph, layers: Projection, x: str) -> str:
    """Two layers over the last axis."""
    return linear(graph, layers.fc2, graph.add("Relu", linear(graph, layers.fc1, x)))


def linear(graph: Graph, layer: nnx.Linear, x: str) -> str:
    """A layer over the last axis."""
    assert layer.bias is not None
    return graph.add("Add", graph.add("MatMul", x, graph.constant(layer.kernel[...])), graph.constant(layer.bias[...]))


def log_odds(graph: Graph, layer: nnx.Linear, x: str) -> str:
    """The second of a layer's two logits less the first: [batch]."""
    logits = linear(graph, layer, x)
    difference = graph.add("MatMul", logits, graph.constant([[-1.0], [1.0]]))
    return graph.add("Squeeze", difference, graph.constant([1], "int64"))


def length(graph: Graph, x: str) -> str:
    """`safe_norm`, with the axis kept: [batch, 1]."""
    squares = graph.add("ReduceSumSquare", x, graph.constant([-1], "int64"), keepdims=1)
    return graph.add("Sqrt", graph.add("Max", squares, graph.constant(TINY)))


def unit(graph: Graph, x: str) -> str:
    """`l2_normalize`."""
    return graph.add("Div", x, length(graph, x))
