"""AVE-Net, AVOL-Net and L3-Net as operators of an ONNX graph, on whatever towers they are."""

from avnet.correspondence.ave import AVENet
from avnet.correspondence.avol import AVOLNet
from avnet.correspondence.l3 import L3Net
from avnet.correspondence.towers import BestCell
from avnet.export.onnx_format import layers
from avnet.export.onnx_format.backbones import image_grid, pool_cells, sound_features
from avnet.export.onnx_format.graph import Graph


def ave_image(graph: Graph, network: AVENet, images: str) -> str:
    """Unit embeddings of images."""
    return learned_image(graph, network, image_grid(graph, network, images))


def learned_image(graph: Graph, network: AVENet, grid: str) -> str:
    """`AVENet.project_images`."""
    pooled = pool_cells(graph, network, grid)
    return layers.unit(graph, layers.projection(graph, network.vision_projection, pooled))


def ave_sound(graph: Graph, network: AVENet, waveforms: str) -> str:
    """Unit embeddings of sounds."""
    return learned_sound(graph, network, sound_features(graph, network, waveforms))


def learned_sound(graph: Graph, network: AVENet, vectors: str) -> str:
    """`AVENet.project_sounds`."""
    return layers.unit(graph, layers.projection(graph, network.audio_projection, vectors))


def ave_score(graph: Graph, network: AVENet, images: str, sounds: str) -> str:
    """Log-odds by the distance of embeddings."""
    return layers.log_odds(graph, network.fc3, layers.length(graph, graph.add("Sub", images, sounds)))


def avol_image(graph: Graph, network: AVOLNet, images: str) -> str:
    """The grid of cell vectors."""
    return layers.projection(graph, network.vision_projection, image_grid(graph, network, images))


def avol_sound(graph: Graph, network: AVOLNet, waveforms: str) -> str:
    """Vectors of sounds."""
    return layers.projection(graph, network.audio_projection, sound_features(graph, network, waveforms))


def avol_heatmap(graph: Graph, network: AVOLNet, cells: str, sounds: str) -> str:
    """Log-odds of each cell."""
    return scaled(graph, network, layers.products(graph, cells, sounds))


def avol_score(graph: Graph, network: AVOLNet, cells: str, sounds: str) -> str:
    """Log-odds of the best cell."""
    return layers.largest(graph, avol_heatmap(graph, network, cells, sounds), [1, 2])


def scaled(graph: Graph, network: BestCell, x: str) -> str:
    """By the scale and the shift of a network's log-odds."""
    product = graph.add("Mul", x, graph.constant(network.scale[...]))
    return graph.add("Add", product, graph.constant(network.shift[...]))


def l3_image(graph: Graph, network: L3Net, images: str) -> str:
    """Pooled features of images."""
    return pool_cells(graph, network, image_grid(graph, network, images))


def l3_score(graph: Graph, network: L3Net, images: str, sounds: str) -> str:
    """Log-odds by two layers over both."""
    hidden = layers.linear(graph, network.fc1, graph.add("Concat", images, sounds, axis=1))
    return layers.log_odds(graph, network.fc2, graph.add("Relu", hidden))
