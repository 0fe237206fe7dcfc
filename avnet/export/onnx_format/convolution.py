"""A convolution with its batch normalization folded into it, as an operator of an ONNX graph.

Channels come first, as ONNX has it.
"""

from collections.abc import Sequence

import numpy as np
from flax import nnx
from jax.typing import ArrayLike

from avnet.export.onnx_format.graph import Graph


def conv_norm(
    graph: Graph,
    x: str,
    kernel: ArrayLike,
    norm: nnx.BatchNorm,
    bias: ArrayLike = 0.0,
    *,
    stride: int | Sequence[int] = 1,
    side: int | None = None,
    depthwise: bool = False,
) -> str:
    """Convolution over two sides or three, and batch normalization with its running statistics.

    Args:
        graph: to add them to.
        x: [batch, channels, *sides].
        kernel: [*sides, channels that go in, channels that come out].
        norm: which is folded into kernel and bias, in float64.
        bias: of the convolution itself.
        stride: along every side, or along each.
        side: zeros before and after each side; None pads as "SAME" does.
        depthwise: each channel alone.
    """
    weights, offset = _folded(np.asarray(kernel, np.float64), norm, np.asarray(bias, np.float64))
    sides = weights.ndim - 2
    # SAME_UPPER is TensorFlow's "SAME": an odd row or column comes last.
    padding = {"auto_pad": "SAME_UPPER"} if side is None else {"pads": [side] * 2 * sides}
    strides = np.broadcast_to(np.array(stride), sides).tolist()
    group = len(weights) if depthwise else 1
    return graph.add(
        "Conv", x, graph.constant(weights), graph.constant(offset), strides=strides, group=group, **padding
    )


def relu6(graph: Graph, x: str) -> str:
    """Bounded to [0, 6]."""
    return graph.add("Clip", x, graph.constant(0.0), graph.constant(6.0))


def _folded(kernel: np.ndarray, norm: nnx.BatchNorm, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kernel, output channels first and then those that go in, and bias."""
    factor = 1 / np.sqrt(np.asarray(norm.var[...], np.float64) + norm.epsilon)
    if norm.scale is not None:
        factor = factor * np.asarray(norm.scale[...], np.float64)
    assert norm.bias is not None
    offset = np.asarray(norm.bias[...], np.float64) + (bias - np.asarray(norm.mean[...], np.float64)) * factor
    return np.moveaxis(kernel * factor, (-1, -2), (0, 1)), offset
