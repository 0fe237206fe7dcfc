"""The papers' towers as operators of an ONNX graph: of images, of spectrograms, of frames, and of an image's motion."""

from collections.abc import Iterable

from avnet.backbones.tower import ConvBlock, Tower
from avnet.backbones.video import FlowTower, FramesTower
from avnet.export.onnx_format import layers
from avnet.export.onnx_format.convolution import conv_norm
from avnet.export.onnx_format.graph import Graph
from avnet.moments.flow import NO_MOTION, STEPS


def tower(graph: Graph, network: Tower, x: str) -> str:
    """[batch, channels, rows, columns] to the grid of features, channels last."""
    return layers.channels_last(graph, _stages(graph, network.blocks, x))


def frames_tower(graph: Graph, network: FramesTower, x: str, side: int) -> str:
    """[batch, channels of all frames, side, side] to the grid of features, channels last."""
    frames = graph.add("Reshape", x, graph.constant([0, network.frames, 3, side, side], "int64"))
    frames = graph.add("Transpose", frames, perm=[0, 2, 1, 3, 4])
    return layers.channels_last(graph, layers.largest(graph, _stages(graph, network.blocks, frames, sides=3), [2]))


def flow_tower(graph: Graph, network: FlowTower, x: str) -> str:
    """[batch, channels of an image and of its motion, rows, columns] to the grid of features, channels last."""
    motion = graph.add("Mul", layers.part(graph, x, 3, axis=1), graph.constant(255.0))
    motion = graph.add("Div", graph.add("Sub", motion, graph.constant(NO_MOTION)), graph.constant(STEPS))
    streams = [
        _stages(graph, network.image.blocks, layers.part(graph, x, 0, 3, axis=1)),
        _stages(graph, network.flow.blocks, motion),
    ]
    joined = graph.add("Concat", *streams, axis=1)
    for block in network.blocks:
        joined = _conv_block(graph, block, joined)
    return layers.channels_last(graph, joined)


def _stages(graph: Graph, blocks: Iterable[ConvBlock], x: str, sides: int = 2) -> str:
    for i, block in enumerate(blocks):
        x = _conv_block(graph, block, x)
        if i in (1, 3, 5):
            x = graph.add("MaxPool", x, kernel_shape=[2] * sides, strides=[2] * sides)
    return x


def _conv_block(graph: Graph, block: ConvBlock, x: str) -> str:
    conv, strides = block.conv, block.conv.strides or 1
    assert conv.bias is not None
    return graph.add("Relu", conv_norm(graph, x, conv.kernel[...], block.norm, conv.bias[...], stride=strides))
