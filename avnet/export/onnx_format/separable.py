"""Networks of depthwise and pointwise convolutions as operators of an ONNX graph: those of ImageNet, and YAMNet."""

from avnet.backbones.audio import yamnet
from avnet.backbones.image.inverted_residual import ConvNorm, InvertedResidual, Trunk
from avnet.export.onnx_format import layers
from avnet.export.onnx_format.convolution import conv_norm, relu6
from avnet.export.onnx_format.graph import Graph


def trunk(graph: Graph, network: Trunk, images: str) -> str:
    """Images in [0, 1], [batch, 3, rows, columns], to the grid of features, channels last."""
    x = layers.standardize(graph, images, network.style.mean, network.style.spread)
    x = _conv_norm(graph, network.stem, x)
    for block in network.blocks:
        x = _inverted_residual(graph, block, x)
    return layers.channels_last(graph, _conv_norm(graph, network.head, x))


def yamnet_vectors(graph: Graph, network: yamnet.YAMNet, patches: str) -> str:
    """Patches of spectrograms, [batch, 1, bins, frames], to the vector of each: [batch, features]."""
    # Time runs down the rows.
    x = graph.add("Transpose", patches, perm=[0, 1, 3, 2])
    for layer in (network.stem, *network.blocks):
        kernel = layer.kernel[...]
        x = conv_norm(graph, x, kernel, layer.norm, stride=layer.stride, depthwise=layer.depthwise)
        x = relu6(graph, x) if layer.relu6 else graph.add("Relu", x)
    return layers.mean(graph, x, [2, 3])


def _inverted_residual(graph: Graph, block: InvertedResidual, x: str) -> str:
    inside = x if block.expand is None else _conv_norm(graph, block.expand, x)
    out = _conv_norm(graph, block.project, _conv_norm(graph, block.depthwise, inside))
    return graph.add("Add", out, x) if block.shortcut else out


def _conv_norm(graph: Graph, layer: ConvNorm, x: str) -> str:
    conv, kernel = layer.conv, layer.conv.kernel[...]
    side = None if conv.style.padding == "SAME" else (len(kernel) - 1) // 2
    x = conv_norm(graph, x, kernel, layer.norm, stride=conv.stride, side=side, depthwise=conv.depthwise)
    return relu6(graph, x) if layer.activate else x
