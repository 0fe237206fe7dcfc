"""Writes `.tflite` files of random weights, with the package that the format's own tools use."""

from typing import NamedTuple

import numpy as np
from flatbuffers.builder import Builder

CODES = {"convolution": 3, "depthwise": 4, "dense": 9}
TYPES = {np.dtype("f4"): 0, np.dtype("i4"): 2, np.dtype("u1"): 3, np.dtype("i1"): 9}


class Array(NamedTuple):
    """Numbers with the scale of each place along an axis; of float32 there is none."""

    values: np.ndarray
    scales: np.ndarray | None = None
    zeros: np.ndarray | None = None
    axis: int = 0


class Operator(NamedTuple):
    """A layer; the activation is TensorFlow's number: 1 for ReLU, 3 for ReLU6."""

    kind: str
    weights: Array
    bias: Array
    stride: int = 1
    activation: int = 0


def write(operators: list[Operator]) -> bytes:
    """The file of a network of layers one after the other."""
    builder = Builder(1 << 20)
    arrays = [array for operator in operators for array in (operator.weights, operator.bias)]
    # The first buffer is that of tensors without content.
    buffers = [_table(builder, [])] + [_table(builder, [(0, _bytes(builder, array.values))]) for array in arrays]
    tensors = [_tensor(builder, array, number + 1) for number, array in enumerate(arrays)]
    # What goes in and comes out comes last, a number for each layer.
    tensors += [_table(builder, [(0, _numbers(builder, [1], "i4"))]) for _ in range(len(operators) + 1)]
    layers = [_operator(builder, operator, number, len(arrays)) for number, operator in enumerate(operators)]
    graph = [(0, _tables(builder, tensors)), (3, _tables(builder, layers))]
    graphs = _tables(builder, [_table(builder, graph)])
    codes = _tables(builder, [_table(builder, [(0, "i1", code), (3, "i4", code)]) for code in CODES.values()])
    fields = [(0, "u4", 3), (1, codes), (2, graphs), (4, _tables(builder, buffers))]
    builder.Finish(_table(builder, fields), file_identifier=b"TFL3")
    return bytes(builder.Output())


def yamnet(classes: int = 521, activation: int = 3, seed: int = 0) -> list[Operator]:
    """YAMNet's layers with random weights of 8 bits; before them one of the front end, as in the published file."""
    rng = np.random.default_rng(seed)
    channels = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]

    def layer(kind, shape, stride=1):
        outputs = shape[3] if kind == "depthwise" else shape[0]
        scales = rng.uniform(0.001, 0.02, outputs).astype(np.float32)
        zeros = np.zeros(outputs, np.int64)
        weights = Array(rng.integers(-127, 128, shape, np.int8), scales, zeros, 3 if kind == "depthwise" else 0)
        bias = Array(rng.integers(-20_000, 20_000, outputs, np.int32), scales / 100, zeros)
        return Operator(kind, weights, bias, stride, 0 if kind == "dense" else activation)

    front = Operator(
        "dense", Array(rng.uniform(size=(64, 257)).astype(np.float32)), Array(np.full(64, 1e-3, np.float32))
    )
    operators, features = [front, layer("convolution", (32, 3, 3, 1), 2)], 32
    for wider, stride in zip(channels, strides, strict=True):
        operators.append(layer("depthwise", (1, 3, 3, features), stride))
        operators.append(layer("convolution", (wider, 1, 1, features)))
        features = wider
    return [*operators, layer("dense", (classes, features))]


def _table(builder: Builder, fields: list[tuple]) -> int:
    """A table of fields: (place, offset) or (place, type, number)."""
    builder.StartObject(8)
    for place, *value in fields:
        if len(value) == 1:
            builder.PrependUOffsetTRelativeSlot(place, value[0], 0)
        else:
            prepend = {"i1": builder.PrependInt8Slot, "i4": builder.PrependInt32Slot, "u4": builder.PrependUint32Slot}
            prepend[value[0]](place, value[1], 0)
    return builder.EndObject()


def _tables(builder: Builder, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _numbers(builder: Builder, values, form: str) -> int:
    return builder.CreateNumpyVector(np.asarray(values, form))


def _bytes(builder: Builder, values: np.ndarray) -> int:
    return builder.CreateByteVector(values.tobytes())


def _tensor(builder: Builder, array: Array, buffer: int) -> int:
    shape = _numbers(builder, array.values.shape, "i4")
    fields = [(0, shape), (1, "i1", TYPES[array.values.dtype]), (2, "u4", buffer)]
    if array.scales is not None and array.zeros is not None:
        scales, zeros = _numbers(builder, array.scales, "f4"), _numbers(builder, array.zeros, "i8")
        fields.append((4, _table(builder, [(2, scales), (3, zeros), (6, "i4", array.axis)])))
    return _table(builder, fields)


def _operator(builder: Builder, operator: Operator, number: int, arrays: int) -> int:
    inputs = _numbers(builder, [arrays + number, 2 * number, 2 * number + 1], "i4")
    outputs = _numbers(builder, [arrays + number + 1], "i4")
    activation = {"convolution": 3, "depthwise": 4, "dense": 0}[operator.kind]
    options: list[tuple] = [(activation, "i1", operator.activation)]
    if operator.kind != "dense":
        options += [(1, "i4", operator.stride), (2, "i4", operator.stride)]
    table = _table(builder, options)
    code = list(CODES).index(operator.kind)
    return _table(builder, [(0, "u4", code), (1, inputs), (2, outputs), (4, table)])
