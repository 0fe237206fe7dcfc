import numpy as np
import pytest

from avnet.media.sandbox import messages
from avnet.media.sandbox.messages import SIZES, Message, MessageError, pack, read_header, read_sizes, unpack


def there_and_back(kind: str, message: Message) -> tuple[str, Message]:
    data = b"".join(pack(kind, message))
    header_size, size = read_sizes(data[: SIZES.size], 1 << 30)
    assert len(data) == SIZES.size + header_size + size
    header = read_header(data[SIZES.size : SIZES.size + header_size], size)
    return header.kind, unpack(header, data[SIZES.size + header_size :])


def test_values_and_arrays_come_back_to_the_bit():
    rng = np.random.default_rng(0)
    arrays = {
        "bytes": rng.integers(0, 256, (3, 4, 5), np.uint8),
        "sound": rng.integers(-(2**15), 2**15, 7, np.int16),
        "codes": rng.integers(0, 2**64, 5, np.uint64),
        "none": np.zeros((0, 3), np.int64),
        "scalar": np.array(0.1, np.float32),
        "strided": np.arange(12.0).reshape(3, 4).T[::2],
    }
    values = {"time": 0.1 + 0.2, "text": "é\u2028\x1b", "list": [1, None, True, {"deep": -(2**60)}]}
    kind, back = there_and_back("part", Message(values, arrays))
    assert kind == "part" and back.values == values and list(back.arrays) == list(arrays)
    for name, array in arrays.items():
        assert back.arrays[name].dtype == array.dtype and back.arrays[name].shape == array.shape
        assert np.array_equal(back.arrays[name], array)


def test_layout_worked_out_by_hand():
    data = b"".join(pack("part", Message({"x": 1}, {"a": np.array([[1, 256]], np.int16)})))
    header = b'["part", {"x": 1}, [["a", "int16", [1, 2]]]]'
    assert data == len(header).to_bytes(4, "little") + (4).to_bytes(8, "little") + header + b"\x01\x00\x00\x01"


def test_what_no_message_may_hold_is_not_sent():
    for message in (
        Message({"x": float("nan")}),
        Message({"x": "x" * (messages.MAX_HEADER_BYTES + 1)}),
        Message({}, {"a": np.array([None])}),
        Message({}, {"a": np.array([1j])}),
    ):
        with pytest.raises(ValueError):
            pack("part", message)


def test_sizes_are_refused_before_anything_is_allocated():
    assert read_sizes(SIZES.pack(10, 100), 100) == (10, 100)
    for header, arrays in ((0, 0), (messages.MAX_HEADER_BYTES + 1, 0), (10, 101), (10, 2**64 - 1)):
        with pytest.raises(MessageError):
            read_sizes(SIZES.pack(header, arrays), 100)


def test_arrays_share_the_memory_they_came_in():
    header = read_header(b'["part", {}, [["a", "uint8", [4]]]]', 4)
    data = bytearray(4)
    array = unpack(header, data).arrays["a"]
    data[2] = 7
    assert array.tolist() == [0, 0, 7, 0]
