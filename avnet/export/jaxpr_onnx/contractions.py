"""Sums: matrix products, convolution, and sums and the largest over axes, as operators of ONNX."""

import math
from collections.abc import Sequence

import numpy as np
from jax.extend.core import JaxprEqn
from onnx import TensorProto  # pyright: ignore[reportMissingImports]: an extra

from avnet.export.jaxpr_onnx.translation import Operator, Translation, Value, refused, shape, whole


def _dot_general(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    """As a product of matrices, one for each element of the axes that both share."""
    (left_sum, right_sum), (left_batch, right_batch) = equation.params["dimension_numbers"]
    left, right = (shape(one) for one in equation.invars)
    left_free = [axis for axis in range(len(left)) if axis not in (*left_sum, *left_batch)]
    right_free = [axis for axis in range(len(right)) if axis not in (*right_sum, *right_batch)]
    batch = [left[axis] for axis in left_batch]
    rows, inner, columns = _size(left, left_free), _size(left, left_sum), _size(right, right_free)
    first = translation.transpose(inputs[0], [*left_batch, *left_free, *left_sum])
    second = translation.transpose(inputs[1], [*right_batch, *right_sum, *right_free])
    product = translation.add(
        "MatMul",
        translation.reshape(first, [*batch, rows, inner]),
        translation.reshape(second, [*batch, inner, columns]),
    )
    return [translation.reshape(product, shape(equation.outvars[0]))]


def _size(lengths: Sequence[int], axes: Sequence[int]) -> int:
    return math.prod(lengths[axis] for axis in axes)


def _convolution(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    params, numbers = equation.params, equation.params["dimension_numbers"]
    if params["batch_group_count"] != 1 or any(step != 1 for step in params["lhs_dilation"]):
        raise refused("conv_general_dilated", "it is transposed, or groups the batch")
    product = translation.add(
        "Conv",
        translation.transpose(inputs[0], numbers.lhs_spec),
        translation.transpose(inputs[1], numbers.rhs_spec),
        strides=list(params["window_strides"]),
        dilations=list(params["rhs_dilation"]),
        group=params["feature_group_count"],
        pads=[*(before for before, _ in params["padding"]), *(after for _, after in params["padding"])],
    )
    return [translation.transpose(product, np.argsort(numbers.out_spec).tolist())]


def _reduced(operator: str) -> Operator:
    def write(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
        # Without axes ONNX would take all.
        if not equation.params["axes"]:
            return inputs
        return [translation.add(operator, inputs[0], whole(equation.params["axes"]), keepdims=0)]

    return write


def _any(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    if not equation.params["axes"]:
        return inputs
    numbers = translation.add("Cast", inputs[0], to=TensorProto.INT32)
    largest = translation.add("ReduceMax", numbers, whole(equation.params["axes"]), keepdims=0)
    return [translation.add("Cast", largest, to=TensorProto.BOOL)]


def _cumsum(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    axis, backwards = np.array(equation.params["axis"], np.int64), int(equation.params["reverse"])
    return [translation.add("CumSum", inputs[0], axis, reverse=backwards)]


CONTRACTIONS: dict[str, Operator] = {
    "conv_general_dilated": _convolution,
    "cumsum": _cumsum,
    "dot_general": _dot_general,
    "reduce_max": _reduced("ReduceMax"),
    "reduce_or": _any,
    "reduce_sum": _reduced("ReduceSum"),
}
