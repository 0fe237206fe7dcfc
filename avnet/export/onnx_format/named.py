"""The networks of two classifiers, zero-shot and joint, as operators of an ONNX graph."""

import numpy as np

from avnet.correspondence.joint import NAMELESS, NAMES, JointNet
from avnet.correspondence.towers import TwoTowers
from avnet.correspondence.zero_shot import ZeroShotNet, group_weights
from avnet.export.onnx_format import layers
from avnet.export.onnx_format.backbones import audio_logits, image_grid, image_logits, patch_features
from avnet.export.onnx_format.graph import Graph
from avnet.export.onnx_format.names import image_groups, log_evidence, sound_groups
from avnet.export.onnx_format.papers import learned_image, learned_sound, scaled


def zero_shot_image(graph: Graph, network: ZeroShotNet, images: str) -> str:
    """The probability of each group in each cell."""
    return image_groups(graph, image_logits(graph, network, image_grid(graph, network, images)))


def zero_shot_sound(graph: Graph, network: ZeroShotNet, waveforms: str) -> str:
    """The probability of each group in each sound."""
    return _patch_groups(graph, network, patch_features(graph, network, waveforms))


def zero_shot_heatmap(graph: Graph, network: ZeroShotNet, cells: str, sounds: str) -> str:
    """Log-odds of each cell."""
    return scaled(graph, network, log_evidence(graph, cells, sounds))


def zero_shot_score(graph: Graph, network: ZeroShotNet, cells: str, sounds: str) -> str:
    """Log-odds of the best cell."""
    return layers.largest(graph, zero_shot_heatmap(graph, network, cells, sounds), [1, 2])


def joint_image(graph: Graph, network: JointNet, images: str) -> str:
    """Unit embeddings of images."""
    grid = image_grid(graph, network, images)
    groups = layers.largest(graph, image_groups(graph, image_logits(graph, network, grid)), [1, 2])
    return _beside(graph, learned_image(graph, network, grid), groups, (1.0, 0.0))


def joint_sound(graph: Graph, network: JointNet, waveforms: str) -> str:
    """Unit embeddings of sounds."""
    vectors = layers.mean(graph, patch_features(graph, network, waveforms), [1])
    groups = _groups_of(graph, network, audio_logits(graph, network, vectors))
    return _beside(graph, learned_sound(graph, network, vectors), groups, (0.0, 1.0))


def joint_cells(graph: Graph, network: JointNet, images: str) -> str:
    """The unit vector of the image in each cell, then the cell's groups."""
    grid = image_grid(graph, network, images)
    groups = image_groups(graph, image_logits(graph, network, grid))
    whole = graph.add("Unsqueeze", learned_image(graph, network, grid), graph.constant([1, 2], "int64"))
    side = network.vision.cells(network.config.image_size)
    whole = graph.add("Expand", whole, graph.constant([1, side, side, 1], "int64"))
    return graph.add("Concat", whole, groups, axis=-1)


def joint_source(graph: Graph, network: JointNet, waveforms: str) -> str:
    """The unit vector of each sound, then its groups."""
    patches = patch_features(graph, network, waveforms)
    learned = learned_sound(graph, network, layers.mean(graph, patches, [1]))
    return graph.add("Concat", learned, _patch_groups(graph, network, patches), axis=-1)


def joint_heatmap(graph: Graph, network: JointNet, cells: str, sources: str) -> str:
    """Log-odds of each cell."""
    size = network.config.embedding_size
    cosine = layers.products(graph, layers.part(graph, cells, 0, size), layers.part(graph, sources, 0, size))
    evidence = log_evidence(graph, layers.part(graph, cells, size), layers.part(graph, sources, size))
    both = graph.add(
        "Add",
        graph.add("Mul", cosine, graph.constant(network.agreement[...])),
        graph.add("Mul", evidence, graph.constant(network.evidence[...])),
    )
    return graph.add("Add", both, graph.constant(network.shift[...]))


def _patch_groups(graph: Graph, network: TwoTowers, patches: str) -> str:
    """The groups in sounds whose patches have these vectors: a class counts where it is most probable."""
    return _groups_of(graph, network, layers.largest(graph, audio_logits(graph, network, patches), [1]))


def _groups_of(graph: Graph, network: TwoTowers, logits: str) -> str:
    assert network.config.audio is not None
    return sound_groups(graph, graph.add("Sigmoid", logits), network.config.audio.classes)


def _beside(graph: Graph, learned: str, groups: str, nameless: tuple[float, float]) -> str:
    """What was learned and the names in one vector of unit length."""
    weighted = graph.add("Mul", groups, graph.constant(np.sqrt(group_weights())))
    # Two places more, for what has no name: the same for every example.
    wider = graph.add("Pad", weighted, graph.constant([0, 0, 0, 2], "int64"))
    rest = np.append(np.zeros(len(group_weights())), NAMELESS**0.5 * np.array(nameless))
    names = layers.unit(graph, graph.add("Add", wider, graph.constant(rest)))
    parts = (
        graph.add("Mul", vector, graph.constant(share**0.5)) for vector, share in ((learned, 1 - NAMES), (names, NAMES))
    )
    return graph.add("Concat", *parts, axis=-1)
