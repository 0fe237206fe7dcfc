"""Operations that move elements and compute nothing, as operators of ONNX."""

import itertools

import numpy as np
from jax.extend.core import JaxprEqn

from avnet.export.jaxpr_onnx.translation import Operator, Translation, Value, refused, shape, whole


def _reshape(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    if equation.params["dimensions"] is not None:
        raise refused("reshape", "it changes the order of the elements")
    return _squeeze(translation, equation, inputs)


def _squeeze(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    return [translation.reshape(inputs[0], shape(equation.outvars[0]))]


def _broadcast(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    target, before = shape(equation.outvars[0]), shape(equation.invars[0])
    size = [1] * len(target)
    for axis, length in zip(equation.params["broadcast_dimensions"], before, strict=True):
        size[axis] = length
    value = inputs[0] if tuple(size) == before else translation.reshape(inputs[0], size)
    return [value if tuple(size) == target else translation.add("Expand", value, whole(target))]


def _transpose(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    return [translation.transpose(inputs[0], equation.params["permutation"])]


def _concatenate(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    some = [value for value, one in zip(inputs, equation.invars, strict=True) if 0 not in shape(one)]
    return [some[0] if len(some) == 1 else translation.add("Concat", *some, axis=equation.params["dimension"])]


def _stack(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    return [translation.stack(inputs, equation.outvars[0], equation.params["axis"])]


def _slice(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    params, axes = equation.params, range(len(shape(equation.invars[0])))
    starts, ends = whole(params["start_indices"]), whole(params["limit_indices"])
    steps = whole(params["strides"] or [1] * len(axes))
    return [translation.add("Slice", inputs[0], starts, ends, whole(axes), steps)]


def _split(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    ends = np.cumsum([0, *equation.params["sizes"]])
    axis = whole([equation.params["axis"]])
    places = itertools.pairwise(ends.tolist())
    return [translation.add("Slice", inputs[0], whole([start]), whole([end]), axis) for start, end in places]


def _pad(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    before, after, between = zip(*equation.params["padding_config"], strict=True)
    if any(between):
        raise refused("pad", "it pads between elements")
    return [translation.add("Pad", inputs[0], whole([*before, *after]), inputs[1])]


SHAPES: dict[str, Operator] = {
    "broadcast_in_dim": _broadcast,
    "concatenate": _concatenate,
    "pad": _pad,
    "reshape": _reshape,
    "slice": _slice,
    "split": _split,
    "squeeze": _squeeze,
    "stack": _stack,
    "transpose": _transpose,
}
