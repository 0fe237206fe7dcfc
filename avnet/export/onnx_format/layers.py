"""Layers over the last axis, and what is taken of grids, as operators of an ONNX graph."""

from collections.abc import Sequence

import numpy as np
from flax import nnx

from avnet.backbones.tower import Projection
from avnet.export.onnx_format.graph import Graph
from avnet.nn.numerics import TINY


def projection(graph: Graph, layers: Projection, x: str) -> str:
    """Two layers over the last axis, normalized before where the network does so."""
    x = x if layers.norm is None else layer_norm(graph, layers.norm, x)
    return linear(graph, layers.fc2, graph.add("Relu", linear(graph, layers.fc1, x)))


def linear(graph: Graph, layer: nnx.Linear, x: str) -> str:
    """A layer over the last axis."""
    product = graph.add("MatMul", x, graph.constant(layer.kernel[...]))
    return product if layer.bias is None else graph.add("Add", product, graph.constant(layer.bias[...]))


def layer_norm(graph: Graph, layer: nnx.LayerNorm, x: str) -> str:
    """Layer normalization over the last axis."""
    assert layer.scale is not None and layer.bias is not None
    arrays = [graph.constant(array[...]) for array in (layer.scale, layer.bias)]
    return graph.add("LayerNormalization", x, *arrays, axis=-1, epsilon=layer.epsilon)


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


def largest(graph: Graph, x: str, axes: Sequence[int]) -> str:
    """The largest value over axes, which are gone from what it returns."""
    return graph.add("ReduceMax", x, graph.constant(axes, "int64"), keepdims=0)


def mean(graph: Graph, x: str, axes: Sequence[int]) -> str:
    """The mean over axes, which are gone from what it returns."""
    return graph.add("ReduceMean", x, graph.constant(axes, "int64"), keepdims=0)


def part(graph: Graph, x: str, start: int, stop: int | None = None, axis: int = -1) -> str:
    """What lies between two places of an axis, or from one to its end."""
    stop = np.iinfo(np.int64).max if stop is None else stop
    return graph.add("Slice", x, *(graph.constant([place], "int64") for place in (start, stop, axis)))


def channels_last(graph: Graph, grid: str) -> str:
    """[batch, features, rows, columns] to [batch, rows, columns, features]."""
    return graph.add("Transpose", grid, perm=[0, 2, 3, 1])


def standardize(graph: Graph, x: str, mean: Sequence[float], spread: Sequence[float]) -> str:
    """[batch, channels, rows, columns] less a mean of each channel, by a spread."""
    less = graph.add("Sub", x, graph.constant(np.reshape(mean, (-1, 1, 1))))
    return graph.add("Div", less, graph.constant(np.reshape(spread, (-1, 1, 1))))


def products(graph: Graph, cells: str, vector: str) -> str:
    """[batch, rows, columns, features] and [batch, features] to the scalar products: [batch, rows, columns]."""
    upright = graph.add("Unsqueeze", vector, graph.constant([1, 3], "int64"))
    return graph.add("Squeeze", graph.add("MatMul", cells, upright), graph.constant([3], "int64"))
