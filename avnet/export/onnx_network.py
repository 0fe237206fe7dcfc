"""A network's functions as ONNX graphs, an operator for each step of the network.

By hand, since the one converter that is kept up, jax2onnx (0.17), does not take the spectrogram with an open batch.
"""

from collections.abc import Callable, Mapping
from typing import Any

from onnx import TensorProto  # pyright: ignore[reportMissingImports]: an extra

from avnet.correspondence.ave import AVENet
from avnet.correspondence.avol import AVOLNet
from avnet.correspondence.kinds import NetworkName
from avnet.correspondence.l3 import L3Net
from avnet.correspondence.network import Network
from avnet.export import onnx_layers as layers
from avnet.export.onnx_graph import Graph
from avnet.export.signature import Signature

# Adds a function to a graph: the network and the names of the inputs to the name of the output.
Writer = Callable[..., str]


def onnx_graphs(network: Network, signatures: Mapping[str, Signature]) -> dict[str, bytes]:
    """The files by name, for any batch.

    Args:
        network: whose running statistics are used, whatever its mode.
        signatures: of the functions.
    """
    files = {}
    for name, signature in signatures.items():
        graph = Graph()
        value = WRITERS[network.config.network][name](graph, network, *(tensor.name for tensor in signature.inputs))
        files[name] = graph.to_bytes(name, signature, value)
    return files


def _image_grid(graph: Graph, network: Any, images: str) -> str:
    """[batch, height, width, 3] of bytes to [batch, features, rows, columns]."""
    pixels = graph.add("Div", graph.add("Cast", images, to=TensorProto.FLOAT), graph.constant(255))
    return layers.tower(graph, network.vision, graph.add("Transpose", pixels, perm=[0, 3, 1, 2]))


def _sound_features(graph: Graph, network: Any, waveforms: str) -> str:
    spectrogram = layers.log_spectrogram(graph, network.config.spectrogram, waveforms)
    return layers.global_max_pool(graph, layers.tower(graph, network.audio, spectrogram))


def _ave_image(graph: Graph, network: AVENet, images: str) -> str:
    features = layers.global_max_pool(graph, _image_grid(graph, network, images))
    return layers.unit(graph, layers.projection(graph, network.vision_projection, features))


def _ave_sound(graph: Graph, network: AVENet, waveforms: str) -> str:
    pooled = _sound_features(graph, network, waveforms)
    return layers.unit(graph, layers.projection(graph, network.audio_projection, pooled))


def _ave_score(graph: Graph, network: AVENet, images: str, sounds: str) -> str:
    return layers.log_odds(graph, network.fc3, layers.length(graph, graph.add("Sub", images, sounds)))


def _avol_image(graph: Graph, network: AVOLNet, images: str) -> str:
    cells = graph.add("Transpose", _image_grid(graph, network, images), perm=[0, 2, 3, 1])
    return layers.projection(graph, network.vision_projection, cells)


def _avol_sound(graph: Graph, network: AVOLNet, waveforms: str) -> str:
    return layers.projection(graph, network.audio_projection, _sound_features(graph, network, waveforms))


def _avol_heatmap(graph: Graph, network: AVOLNet, images: str, sounds: str) -> str:
    # [batch, rows, columns, features] times [batch, 1, features, 1]
    vector = graph.add("Unsqueeze", sounds, graph.constant([1, 3], "int64"))
    product = graph.add("Squeeze", graph.add("MatMul", images, vector), graph.constant([3], "int64"))
    product_scale = graph.add("Mul", product, graph.constant(network.scale[...]))
    return graph.add("Add", product_scale, graph.constant(network.shift[...]))


def _avol_score(graph: Graph, network: AVOLNet, images: str, sounds: str) -> str:
    cells = _avol_heatmap(graph, network, images, sounds)
    return graph.add("ReduceMax", cells, graph.constant([1, 2], "int64"), keepdims=0)


def _l3_image(graph: Graph, network: L3Net, images: str) -> str:
    return layers.global_max_pool(graph, _image_grid(graph, network, images))


def _l3_score(graph: Graph, network: L3Net, images: str, sounds: str) -> str:
    hidden = layers.linear(graph, network.fc1, graph.add("Concat", images, sounds, axis=1))
    return layers.log_odds(graph, network.fc2, graph.add("Relu", hidden))


# The functions of each network by the names of its signatures.
WRITERS: dict[NetworkName, dict[str, Writer]] = {
    "ave": {"image_encoder": _ave_image, "sound_encoder": _ave_sound, "scorer": _ave_score},
    "avol": {
        "image_encoder": _avol_image,
        "sound_encoder": _avol_sound,
        "scorer": _avol_score,
        "heatmap": _avol_heatmap,
    },
    "l3": {"image_encoder": _l3_image, "sound_encoder": _sound_features, "scorer": _l3_score},
}
