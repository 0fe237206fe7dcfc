"""The evidence of names as operators of an ONNX graph: groups of the classes that two classifiers find."""

import numpy as np

from avnet.correspondence.zero_shot import FLOOR, TEMPERATURE, group_weights
from avnet.export.onnx_format import layers
from avnet.export.onnx_format.graph import Graph
from avnet.names.groups import image_matrix, narrower, sound_matrix


def image_groups(graph: Graph, logits: str) -> str:
    """`avnet.correspondence.zero_shot.image_groups`, over the last axis."""
    cooled = graph.add("Div", logits, graph.constant(TEMPERATURE))
    return graph.add("MatMul", graph.add("Softmax", cooled, axis=-1), graph.constant(image_matrix()))


def sound_groups(graph: Graph, probabilities: str, classes: int) -> str:
    """`avnet.correspondence.zero_shot.sound_groups`: [batch, classes] to [batch, groups]."""
    own = _largest_of(graph, probabilities, sound_matrix(classes))
    included = _largest_of(graph, own, narrower().T)
    return graph.add("Relu", graph.add("Sub", own, included))


def log_evidence(graph: Graph, cells: str, sounds: str) -> str:
    """The logarithm of the evidence in each cell: [batch, rows, columns]."""
    weighted = graph.add("Mul", sounds, graph.constant(group_weights()))
    evidence = layers.products(graph, cells, weighted)
    return graph.add("Log", graph.add("Add", evidence, graph.constant(FLOOR)))


def _largest_of(graph: Graph, x: str, members: np.ndarray) -> str:
    """The largest of its members in each column, of values that are at least 0: [batch, n] by [n, m] to [batch, m]."""
    upright = graph.add("Unsqueeze", x, graph.constant([2], "int64"))
    return layers.largest(graph, graph.add("Mul", upright, graph.constant(members)), [1])
