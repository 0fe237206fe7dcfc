"""Transformers as operators of an ONNX graph: those of images, and those of spectrograms."""

import numpy as np
from flax import nnx

from avnet.backbones.audio.ast import AST
from avnet.backbones.image.vit import ViT
from avnet.export.onnx_format import layers
from avnet.export.onnx_format.graph import Graph
from avnet.nn.transformer import Attention, Block, Encoder


def vit(graph: Graph, network: ViT, images: str, side: int) -> str:
    """Images in [0, 1], [batch, 3, side, side], to the grid of features, channels last."""
    config, cells = network.config, network.cells(side)
    x = layers.standardize(graph, images, config.mean, config.spread)
    x = _squares(graph, network.patches, x, config.patch_size)
    class_position, positions = network.positions_of(cells, cells)
    first = [network.class_token[...] + class_position]
    if network.registers is not None:
        first.extend(network.registers[...])
    x = _beside(graph, np.stack(first), np.asarray(positions), x)
    x = x if network.pre_norm is None else layers.layer_norm(graph, network.pre_norm, x)
    x = layers.layer_norm(graph, network.norm, _encoder(graph, network.encoder, x))
    x = x if network.projection is None else layers.linear(graph, network.projection, x)
    grid = layers.part(graph, x, len(first), axis=1)
    return graph.add("Reshape", grid, graph.constant([0, cells, cells, network.features], "int64"))


def ast_vectors(graph: Graph, network: AST, patches: str) -> str:
    """Patches of spectrograms, [batch, 1, bins, frames], to the vector of each: [batch, features]."""
    config = network.config
    x = layers.standardize(graph, patches, [config.mean], [config.spread])
    x = _squares(graph, network.squares, x, config.stride)
    positions = np.asarray(network.square_positions(config.places(config.frames)))
    if network.tokens is not None:
        first = network.tokens[...] + network.positions[...][: config.tokens]
        x = _beside(graph, np.asarray(first), positions, x)
    else:
        x = graph.add("Add", x, graph.constant(positions))
    x = layers.layer_norm(graph, network.norm, _encoder(graph, network.encoder, x))
    return layers.mean(graph, layers.part(graph, x, 0, config.tokens or None, axis=1), [1])


def ast_logits(graph: Graph, network: AST, vectors: str) -> str:
    """Logits of the classes of sounds."""
    assert network.classifier is not None and network.classifier_norm is not None
    return layers.linear(graph, network.classifier, layers.layer_norm(graph, network.classifier_norm, vectors))


def _squares(graph: Graph, layer: nnx.Conv, x: str, stride: int) -> str:
    """[batch, channels, rows, columns] to a token for each square, row by row."""
    weights = [graph.constant(np.transpose(layer.kernel[...], (3, 2, 0, 1)))]
    if layer.bias is not None:
        weights.append(graph.constant(layer.bias[...]))
    grid = graph.add("Conv", x, *weights, strides=[stride, stride])
    flat = graph.add("Reshape", grid, graph.constant([0, 0, -1], "int64"))
    return graph.add("Transpose", flat, perm=[0, 2, 1])


def _beside(graph: Graph, first: np.ndarray, positions: np.ndarray, tokens: str) -> str:
    """Tokens at their positions, and before them others that are the same for every example."""
    # Zeros in front, and a constant on all: that needs no operator which knows the size of the batch.
    padded = graph.add("Pad", tokens, graph.constant([0, len(first), 0, 0, 0, 0], "int64"))
    return graph.add("Add", padded, graph.constant(np.concatenate([first, positions])))


def _encoder(graph: Graph, network: Encoder, x: str) -> str:
    for block in network.blocks:
        x = _block(graph, block, x)
    return x


def _block(graph: Graph, block: Block, x: str) -> str:
    attended = _attention(graph, block.attention, layers.layer_norm(graph, block.norm1, x))
    x = graph.add("Add", x, _scaled(graph, attended, block.scale1))
    hidden = layers.linear(graph, block.wide, layers.layer_norm(graph, block.norm2, x))
    hidden = _quick_gelu(graph, hidden) if block.quick_gelu else _gelu(graph, hidden)
    return graph.add("Add", x, _scaled(graph, layers.linear(graph, block.narrow, hidden), block.scale2))


def _attention(graph: Graph, layer: Attention, x: str) -> str:
    width = layer.out.in_features
    head = width // layer.heads
    split = graph.constant([0, 0, 3, layer.heads, head], "int64")
    parts = graph.add("Reshape", layers.linear(graph, layer.qkv, x), split)
    # [query, key or value; batch, heads, tokens, channels of a head]
    parts = graph.add("Transpose", parts, perm=[2, 0, 3, 1, 4])
    query, key, value = (graph.add("Gather", parts, graph.constant(i, "int64"), axis=0) for i in range(3))
    scores = graph.add("MatMul", query, graph.add("Transpose", key, perm=[0, 1, 3, 2]))
    weights = graph.add("Softmax", graph.add("Mul", scores, graph.constant(head**-0.5)), axis=-1)
    mixed = graph.add("Transpose", graph.add("MatMul", weights, value), perm=[0, 2, 1, 3])
    return layers.linear(graph, layer.out, graph.add("Reshape", mixed, graph.constant([0, 0, width], "int64")))


def _gelu(graph: Graph, x: str) -> str:
    below = graph.add("Erf", graph.add("Mul", x, graph.constant(0.5**0.5)))
    return graph.add("Mul", x, graph.add("Mul", graph.add("Add", below, graph.constant(1.0)), graph.constant(0.5)))


def _quick_gelu(graph: Graph, x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", graph.add("Mul", x, graph.constant(1.702))))


def _scaled(graph: Graph, x: str, scale: nnx.Param | None) -> str:
    return x if scale is None else graph.add("Mul", x, graph.constant(scale[...]))
