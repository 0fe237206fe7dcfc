"""What crosses the border of a sandbox: a header in JSON and raw arrays. Nothing in it can name code.

On the wire: two little-endian sizes (4 bytes for the header, 8 for the arrays), the header, the arrays one after the
other. The header holds the kind of the message, its values and for each array a name, a type of `TYPES` and a shape.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SIZES = struct.Struct("<IQ")
MAX_HEADER_BYTES = 1 << 20
MAX_ARRAYS, MAX_AXES = 32, 4
TYPES = {name: np.dtype(name).newbyteorder("<") for name in ("uint8", "int16", "int64", "uint64", "float32", "float64")}


class MessageError(ValueError):
    """No decoder that is itself sends such a message."""


@dataclass(frozen=True)
class Message:
    """Plain data.

    Attributes:
        values: what JSON can hold, but no number that is not finite.
        arrays: of the types in `TYPES`, with at most `MAX_AXES` axes.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Header:
    """What a header says, checked.

    Attributes:
        kind: of the message.
        values: as of the message.
        shapes: (name, type, shape) of the arrays, in order.
    """

    kind: str
    values: dict[str, Any]
    shapes: list[tuple[str, np.dtype, tuple[int, ...]]]

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        return sum(math.prod(shape) * dtype.itemsize for _, dtype, shape in self.shapes)


def pack(kind: str, message: Message) -> list[bytes | memoryview]:
    """A message as what is to be sent, part by part; the arrays are not copied.

    Raises:
        ValueError: it holds what no message may hold.
    """
    if strange := [array.dtype.name for array in message.arrays.values() if array.dtype.name not in TYPES]:
        raise ValueError(f"arrays must be one of {', '.join(TYPES)}, got {strange[0]}")
    arrays = {name: np.asarray(array, TYPES[array.dtype.name], order="C") for name, array in message.arrays.items()}
    shapes = [[name, array.dtype.name, list(array.shape)] for name, array in arrays.items()]
    header = json.dumps([kind, dict(message.values), shapes], allow_nan=False).encode()
    if len(header) > MAX_HEADER_BYTES:
        raise ValueError(f"the values take {len(header)} bytes, at most {MAX_HEADER_BYTES} are sent")
    size = sum(array.nbytes for array in arrays.values())
    raw = [array.reshape(-1).view(np.uint8).data for array in arrays.values() if array.size]
    return [SIZES.pack(len(header), size), header, *raw]


def read_sizes(data: bytes, most: int) -> tuple[int, int]:
    """The sizes at the front of a message: (header, arrays), bytes.

    Args:
        data: `SIZES.size` bytes.
        most: what the arrays may take, bytes.

    Raises:
        MessageError: it claims more.
    """
    header, arrays = SIZES.unpack(data)
    if not 0 < header <= MAX_HEADER_BYTES or arrays > most:
        raise MessageError(f"claims a header of {header} bytes and arrays of {arrays}")
    return header, arrays


def read_header(data: bytes, size: int) -> Header:
    """Checks a header before anything is made of it.

    Args:
        data: the header.
        size: what the arrays take, as the front of the message says, bytes.

    Raises:
        MessageError: it is none, or its arrays take another size.
    """
    try:
        # Python reads NaN and Infinity, which pass every comparison of a bound.
        kind, values, shapes = json.loads(data, parse_constant=_refuse_constant)
        header = Header(kind, values, [(name, TYPES[dtype], tuple(shape)) for name, dtype, shape in shapes])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise MessageError("has an invalid header") from None
    axes = [axis for _, _, shape in header.shapes for axis in shape]
    names = [name for name, _, _ in header.shapes]
    if not isinstance(kind, str) or not isinstance(values, dict) or not all(isinstance(name, str) for name in names):
        raise MessageError("has a header of other types")
    if len(set(names)) < len(names) or len(names) > MAX_ARRAYS:
        raise MessageError("has too many arrays, or two of one name")
    if any(len(shape) > MAX_AXES for _, _, shape in header.shapes):
        raise MessageError("has an array of too many axes")
    # The product of all axes must be what was announced, so nothing larger is ever allocated.
    if not all(type(axis) is int and 0 <= axis < 1 << 48 for axis in axes) or header.size != size:
        raise MessageError("has arrays of another size than it says")
    return header


def unpack(header: Header, data: bytes | bytearray | memoryview) -> Message:
    """The message of a header and the bytes of its arrays, which are not copied."""
    arrays, at = {}, 0
    for name, dtype, shape in header.shapes:
        count = math.prod(shape)
        arrays[name] = np.frombuffer(data, dtype, count, at).reshape(shape) if count else np.zeros(shape, dtype)
        at += count * dtype.itemsize
    return Message(header.values, arrays)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
