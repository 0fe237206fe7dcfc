"""The layers of a `.tflite` file: what a network of convolutions needs of it, and no more.

The file is a flatbuffer, a web of offsets that anybody may have written. The readers that packages offer follow them
unchecked, so this is one of its own: every offset, size and count is checked against the file, and nothing is executed.
Tensors are views of the file until an array is asked for, so that many that share their bytes cost nothing.

Reference: github.com/tensorflow/tensorflow, tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3; numbers of
fields below are their places there.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from avnet.errors import DataError
from avnet.files.json_file import read_regular

MAGIC = b"TFL3"
LARGEST = 1 << 28
# Far more than any network of convolutions has; a hostile count would take minutes.
OPERATORS, TENSORS, AXES = 4096, 16384, 6

LayerKind = Literal["convolution", "depthwise", "dense"]
# Operator -> what it is, and the fields of its options: stride in rows, stride in columns, activation.
_LAYERS: dict[int, tuple[LayerKind, tuple[int, int, int]]] = {
    3: ("convolution", (2, 1, 3)),
    4: ("depthwise", (2, 1, 4)),
    9: ("dense", (-1, -1, 0)),
}
_ACTIVATIONS = {0: "none", 1: "relu", 3: "relu6"}
_TYPES = {0: np.dtype("<f4"), 2: np.dtype("<i4"), 3: np.dtype("u1"), 9: np.dtype("i1")}


class _Damage(ValueError):
    """What is wrong with a file."""


@dataclass(frozen=True)
class Tensor:
    """An array of the file, as it lies there.

    Attributes:
        values: float32, or whole numbers of 8 or 32 bits.
        scales, zeros: value = scale * (number - zero); one for all, or one for each place along `axis`; empty for
            float32.
        axis: of the scales.
    """

    values: np.ndarray
    scales: np.ndarray
    zeros: np.ndarray
    axis: int

    def array(self) -> np.ndarray:
        """Its values as float32; what that cannot hold is infinite."""
        if self.values.dtype == np.float32:
            return self.values.astype(np.float32)
        along = [-1 if axis == self.axis else 1 for axis in range(self.values.ndim)]
        scales, zeros = (part.reshape(along) if len(part) > 1 else part for part in (self.scales, self.zeros))
        # In float64: a number of 32 bits has more digits than float32.
        with np.errstate(over="ignore"):
            return ((self.values - zeros.astype(np.float64)) * scales).astype(np.float32)


@dataclass(frozen=True)
class Layer:
    """A layer of a network, in the order in which they are computed.

    Attributes:
        kind: what it does.
        weights: [out, rows, columns, in] of a convolution, [1, rows, columns, channels] of one channel by channel,
            [out, in] of a dense layer.
        bias: one for each output, or None.
        activation: 'none', 'relu', 'relu6' or 'other'.
        strides: of a convolution, in rows and columns.
    """

    kind: LayerKind
    weights: Tensor
    bias: Tensor | None
    activation: str
    strides: tuple[int, int]


def read_layers(file: Path) -> list[Layer]:
    """The layers with weights, in order; all else in the file is passed over.

    Raises:
        DataError: the file is missing, too large, no `.tflite`, or damaged.
    """
    try:
        data = read_regular(file, LARGEST)
        if data[4:8] != MAGIC:
            raise _Damage("it does not begin as one")
        return list(_layers(_Bytes(data)))
    except OSError as error:
        raise DataError(file, f"cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise DataError(file, f"is not a .tflite file, or damaged ({error})") from None


class _Bytes:
    """The file, of which nothing is read that is not there."""

    def __init__(self, data: bytes):
        self.data = data

    def number(self, form: str, place: int) -> int:
        return self.array(np.dtype(form), place, 1)[0].item()

    def array(self, dtype: np.dtype, place: int, count: int) -> np.ndarray:
        if place < 0 or count < 0 or place + count * dtype.itemsize > len(self.data):
            raise _Damage(f"{count} numbers at {place} lie beyond its {len(self.data):,} bytes")
        return np.frombuffer(self.data, dtype, count, place)

    def follow(self, place: int) -> int:
        """Where an offset leads: onward from where it stands."""
        return place + self.number("<u4", place)


@dataclass(frozen=True)
class _Table:
    """A record of fields, each of which may be left out."""

    bytes: _Bytes
    place: int

    def _field(self, field: int) -> int | None:
        """Where a field lies; None where it is left out."""
        index = self.place - self.bytes.number("<i4", self.place)
        # The index begins with its own length and that of the table; then come two bytes for each field.
        if 4 + 2 * field + 2 > self.bytes.number("<u2", index):
            return None
        offset = self.bytes.number("<u2", index + 4 + 2 * field)
        return self.place + offset if offset else None

    def number(self, field: int, form: str, default: int = 0) -> int:
        place = self._field(field)
        return default if place is None else self.bytes.number(form, place)

    def table(self, field: int) -> "_Table | None":
        place = self._field(field)
        return None if place is None else _Table(self.bytes, self.bytes.follow(place))

    def array(self, field: int, form: str) -> np.ndarray:
        """A vector of numbers; empty where it is left out."""
        place = self._field(field)
        if place is None:
            return np.zeros(0, form)
        start = self.bytes.follow(place)
        return self.bytes.array(np.dtype(form), start + 4, self.bytes.number("<u4", start))

    def tables(self, field: int, most: int) -> "list[_Table]":
        """A vector of tables."""
        offsets = self.array(field, "<u4")
        if len(offsets) > most:
            raise _Damage(f"{len(offsets):,} entries are more than {most:,}")
        place = self._field(field)
        start = 0 if place is None else self.bytes.follow(place) + 4
        return [_Table(self.bytes, start + 4 * i + int(offset)) for i, offset in enumerate(offsets)]


def _layers(data: _Bytes) -> Iterator[Layer]:
    model = _Table(data, data.follow(0))
    operators = [_code(entry) for entry in model.tables(1, OPERATORS)]
    graphs, buffers = model.tables(2, OPERATORS), model.tables(4, TENSORS)
    if not graphs:
        raise _Damage("it holds no network")
    tensors = graphs[0].tables(0, TENSORS)

    def tensor(number: int) -> Tensor:
        table = _entry(tensors, number)
        return _tensor(table, _entry(buffers, table.number(2, "<u4")))

    for operator in graphs[0].tables(3, OPERATORS):
        code = _entry(operators, operator.number(0, "<u4"))
        if code in _LAYERS:
            yield _layer(*_LAYERS[code], operator, tensor)


def _code(table: _Table) -> int:
    # The first of the two numbers has eight bits, and is all that older files have.
    return max(table.number(0, "<i1"), table.number(3, "<i4"))


def _entry(entries: list, number: int):
    if not 0 <= number < len(entries):
        raise _Damage(f"entry {number} of {len(entries)}")
    return entries[number]


def _layer(kind: LayerKind, fields: tuple[int, int, int], operator: _Table, tensor: Callable[[int], Tensor]) -> Layer:
    inputs, options = operator.array(1, "<i4").tolist(), operator.table(4)
    if len(inputs) < 2 or options is None:
        raise _Damage(f"a {kind} layer without weights or options")
    bias = tensor(inputs[2]) if len(inputs) > 2 and inputs[2] >= 0 else None
    rows, columns, activation = fields
    strides = (options.number(rows, "<i4"), options.number(columns, "<i4")) if kind != "dense" else (1, 1)
    return Layer(kind, tensor(inputs[1]), bias, _ACTIVATIONS.get(options.number(activation, "<i1"), "other"), strides)


def _tensor(table: _Table, buffer: _Table) -> Tensor:
    shape, code = table.array(0, "<i4").tolist(), table.number(1, "<i1")
    if code not in _TYPES:
        raise _Damage(f"weights of type {code}; float32, int8, uint8 and int32 are read")
    if len(shape) > AXES or min(shape, default=1) < 1:
        raise _Damage(f"weights of the shape {shape}")
    values = buffer.array(0, "u1")
    if values.nbytes != math.prod(shape) * _TYPES[code].itemsize:
        raise _Damage(f"weights of the shape {shape} have {values.nbytes:,} bytes")
    values = values.view(_TYPES[code]).reshape(shape)
    if code == 0:
        return Tensor(values, np.zeros(0), np.zeros(0), 0)
    quantization = table.table(4)
    if quantization is None:
        raise _Damage("weights of whole numbers have no scale")
    scales, zeros = quantization.array(2, "<f4"), quantization.array(3, "<i8")
    axis = quantization.number(6, "<i4")
    if len(scales) != 1 and not (0 <= axis < len(shape) and len(scales) == shape[axis]):
        raise _Damage(f"weights of the shape {shape} have {len(scales)} scales along axis {axis}")
    possible = len(zeros) in (1, len(scales)) and ((zeros >= -255) & (zeros <= 255)).all()
    if not possible or not np.isfinite(scales).all():
        raise _Damage("weights have scales that cannot be")
    return Tensor(values, scales, zeros, axis)
