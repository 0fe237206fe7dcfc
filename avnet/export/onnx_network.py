"""A network's functions as ONNX graphs, an operator for each step of the network.

Channels first, as ONNX has it, up to the embeddings. The discrete Fourier transform is a convolution of the waveform
with windowed cosines and sines, so that every runtime and device that has convolutions has the sound encoder. It is as
near to the exact transform as JAX's fast one is. Where a loud tone leaves a band silent, either holds rounding alone,
which the logarithm makes a thousand times larger: unit embeddings of pure tones differ by up to 2e-4.

By hand, since the one converter that is kept up, jax2onnx (0.17), does not take the spectrogram with an open batch.
"""

from collections.abc import Mapping

import numpy as np
from flax import nnx
from onnx import TensorProto  # pyright: ignore[reportMissingImports]: an extra

from avnet.audio.spectrogram import hann, mel_filterbank
from avnet.backbones.tower import ConvBlock, Projection, Tower
from avnet.config import SpectrogramConfig
from avnet.correspondence.network import AVENet, AVOLNet, L3Net, Network
from avnet.export.onnx_graph import Graph
from avnet.export.signature import Signature
from avnet.nn.numerics import TINY


def onnx_graphs(network: Network, signatures: Mapping[str, Signature]) -> dict[str, bytes]:
    """The files by name, for any batch.

    Args:
        network: whose running statistics are used, whatever its mode.
        signatures: of the functions.
    """
    written = {}
    for name, signature in signatures.items():
        graph = Graph()
        inputs = [tensor.name for tensor in signature.inputs]
        if name == "image_encoder":
            value = _encoded_images(graph, network, *inputs)
        elif name == "sound_encoder":
            value = _encoded_sounds(graph, network, *inputs)
        else:
            value = _compared(graph, network, name, *inputs)
        written[name] = graph.to_bytes(name, signature, value)
    return written


def _encoded_images(graph: Graph, network: Network, images: str) -> str:
    pixels = graph.add("Div", graph.add("Cast", images, to=TensorProto.FLOAT), graph.constant(255))
    grid = _tower(graph, network.vision, graph.add("Transpose", pixels, perm=[0, 3, 1, 2]))
    if isinstance(network, AVOLNet):
        return _projection(graph, network.vision_projection, graph.add("Transpose", grid, perm=[0, 2, 3, 1]))
    pooled = _pooled(graph, grid)
    return pooled if isinstance(network, L3Net) else _unit(graph, _projection(graph, network.vision_projection, pooled))


def _encoded_sounds(graph: Graph, network: Network, waveforms: str) -> str:
    spectrogram = _log_spectrogram(graph, network.config.spectrogram, waveforms)
    pooled = _pooled(graph, _tower(graph, network.audio, spectrogram))
    if isinstance(network, L3Net):
        return pooled
    projected = _projection(graph, network.audio_projection, pooled)
    return _unit(graph, projected) if isinstance(network, AVENet) else projected


def _compared(graph: Graph, network: Network, name: str, images: str, sounds: str) -> str:
    """The scorer's value, or the heatmap's."""
    if isinstance(network, AVENet):
        return _log_odds(graph, network.fc3, _length(graph, graph.add("Sub", images, sounds)))
    if isinstance(network, L3Net):
        hidden = _linear(graph, network.fc1, graph.add("Concat", images, sounds, axis=1))
        return _log_odds(graph, network.fc2, graph.add("Relu", hidden))
    # [batch, rows, columns, features] times [batch, 1, features, 1]
    vector = graph.add("Unsqueeze", sounds, graph.constant([1, 3], "int64"))
    product = graph.add("Squeeze", graph.add("MatMul", images, vector), graph.constant([3], "int64"))
    scaled = graph.add("Mul", product, graph.constant(network.scale[...]))
    cells = graph.add("Add", scaled, graph.constant(network.shift[...]))
    return cells if name == "heatmap" else graph.add("ReduceMax", cells, graph.constant([1, 2], "int64"), keepdims=0)


def _log_spectrogram(graph: Graph, config: SpectrogramConfig, waveforms: str) -> str:
    """[batch, samples] to [batch, 1, bins, frames]."""
    bins = config.n_fft // 2 + 1
    # A whole number of turns less leaves the angle small enough to be exact.
    turns = np.outer(np.arange(bins), np.arange(config.win_length)) % config.n_fft / config.n_fft
    waves = np.concatenate([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)]) * hann(config.win_length)
    alone = graph.add("Unsqueeze", waveforms, graph.constant([1], "int64"))
    parts = graph.add("Conv", alone, graph.constant(waves[:, None]), strides=[config.hop_length])
    halves = graph.add("Reshape", parts, graph.constant([0, 2, bins, -1], "int64"))
    power = graph.add("ReduceSumSquare", halves, graph.constant([1], "int64"), keepdims=0)
    if config.n_mels is not None:
        power = graph.add("MatMul", graph.constant(mel_filterbank(config).T), power)
    logarithm = graph.add("Log", graph.add("Add", graph.add("Sqrt", power), graph.constant(config.floor)))
    return graph.add("Unsqueeze", logarithm, graph.constant([1], "int64"))


def _tower(graph: Graph, tower: Tower, x: str) -> str:
    for i, block in enumerate(tower.blocks):
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


def _pooled(graph: Graph, grid: str) -> str:
    """[batch, features, rows, columns] to [batch, features]: the largest over the grid."""
    return graph.add("ReduceMax", grid, graph.constant([2, 3], "int64"), keepdims=0)


def _projection(graph: Graph, projection: Projection, x: str) -> str:
    return _linear(graph, projection.fc2, graph.add("Relu", _linear(graph, projection.fc1, x)))


def _linear(graph: Graph, layer: nnx.Linear, x: str) -> str:
    assert layer.bias is not None
    return graph.add("Add", graph.add("MatMul", x, graph.constant(layer.kernel[...])), graph.constant(layer.bias[...]))


def _log_odds(graph: Graph, layer: nnx.Linear, x: str) -> str:
    """The second of a layer's two logits less the first: [batch]."""
    logits = _linear(graph, layer, x)
    difference = graph.add("MatMul", logits, graph.constant([[-1.0], [1.0]]))
    return graph.add("Squeeze", difference, graph.constant([1], "int64"))


def _length(graph: Graph, x: str) -> str:
    """`safe_norm`, with the axis kept: [batch, 1]."""
    squares = graph.add("ReduceSumSquare", x, graph.constant([-1], "int64"), keepdims=1)
    return graph.add("Sqrt", graph.add("Max", squares, graph.constant(TINY)))


def _unit(graph: Graph, x: str) -> str:
    """`l2_normalize`."""
    return graph.add("Div", x, _length(graph, x))
