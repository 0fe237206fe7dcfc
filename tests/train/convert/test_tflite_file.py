import struct
import tracemalloc

import numpy as np
import pytest
from judges.tflite_writer import Array, Operator, write

from avnet.errors import DataError
from train.convert import tflite_file
from train.convert.tflite_file import read_layers

F32 = np.float32


def small():
    """A layer of each kind and of each type of numbers."""
    eights = np.array([[[[3, -5]]], [[[-128, 127]]]], np.int8)
    scales, zeros = np.array([0.5, 0.25], F32), np.array([0, 1])
    return [
        Operator(
            "convolution", Array(eights, scales, zeros), Array(np.array([7, -9], np.int32), scales, zeros * 0), 2, 3
        ),
        Operator(
            "depthwise",
            Array(np.array([[[[0, 200]]]], np.uint8), np.array([0.5], F32), np.array([128])),
            Array(np.array([1.5, 2.5], F32)),
            1,
            1,
        ),
        Operator("dense", Array(np.array([[1.0, 2.0]], F32)), Array(np.array([0.5], F32))),
    ]


@pytest.fixture
def file(tmp_path):
    (tmp_path / "small.tflite").write_bytes(write(small()))
    return tmp_path / "small.tflite"


def test_layers_are_multiplied_out_by_hand(file):
    convolution, depthwise, dense = read_layers(file)
    assert convolution.bias is not None and depthwise.bias is not None
    assert (convolution.kind, convolution.activation, convolution.strides) == ("convolution", "relu6", (2, 2))
    # scale * (number - zero), a scale for each output.
    np.testing.assert_array_equal(convolution.weights.array(), [[[[1.5, -2.5]]], [[[-32.25, 31.5]]]])
    np.testing.assert_array_equal(convolution.bias.array(), [3.5, -2.25])
    assert (depthwise.kind, depthwise.activation, depthwise.strides) == ("depthwise", "relu", (1, 1))
    np.testing.assert_array_equal(depthwise.weights.array(), [[[[-64.0, 36.0]]]])
    np.testing.assert_array_equal(depthwise.bias.array(), [1.5, 2.5])
    assert (dense.kind, dense.activation) == ("dense", "none")
    np.testing.assert_array_equal(dense.weights.array(), [[1.0, 2.0]])
    assert all(layer.weights.array().dtype == F32 for layer in (convolution, depthwise, dense))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scales": None}, "weights of whole numbers have no scale"),
        ({"scales": np.zeros(0, F32)}, r"have 0 scales along axis 0"),
        ({"scales": np.ones(3, F32)}, r"the shape \[2, 1, 1, 2\] have 3 scales along axis 0"),
        ({"axis": 7}, "2 scales along axis 7"),
        ({"axis": -1}, "2 scales along axis -1"),
        ({"scales": np.array([1, np.nan], F32)}, "scales that cannot be"),
        ({"zeros": np.array([0, -(2**63)])}, "scales that cannot be"),
        ({"zeros": np.zeros(3, int)}, "scales that cannot be"),
    ],
)
def test_scales_that_do_not_fit_are_refused(tmp_path, change, reason):
    operator = small()[0]
    (tmp_path / "x.tflite").write_bytes(write([operator._replace(weights=operator.weights._replace(**change))]))
    assert_refusal(tmp_path / "x.tflite", reason)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "does not begin as one"),
        (b"\x1c\0\0\0TFL3", "lie beyond its 8 bytes"),
        (b"\xff\xff\xff\xffTFL3" + bytes(100), "lie beyond"),
        (b"\x08\0\0\0TFL3" + struct.pack("<i", 2**31 - 1) + bytes(100), "lie beyond"),
        (b"\x08\0\0\0TFL3" + struct.pack("<i", -(2**31)) + bytes(100), "lie beyond"),
    ],
)
def test_what_leads_out_of_the_file_is_refused(tmp_path, content, reason):
    (tmp_path / "x.tflite").write_bytes(content)
    assert_refusal(tmp_path / "x.tflite", reason)


def test_every_cut_is_refused(file):
    whole = file.read_bytes()
    # The last bytes are of an empty record that nothing refers to.
    for length in range(0, len(whole) - 16, 7):
        file.write_bytes(whole[:length])
        assert_refusal(file, "is not a .tflite file, or damaged")


def test_tensors_cost_nothing_until_an_array_is_asked_for(tmp_path):
    # 52 MB of float32 if each were multiplied out.
    wide = Array(np.zeros((1, 1, 1, 1 << 16), np.int8), np.ones(1, F32), np.zeros(1, int))
    (tmp_path / "x.tflite").write_bytes(write([Operator("convolution", wide, wide)] * 100))
    tracemalloc.start()
    layers = read_layers(tmp_path / "x.tflite")
    assert len(layers) == 100 and tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_too_many_operators_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tflite_file, "OPERATORS", 2)
    (tmp_path / "x.tflite").write_bytes(write(small()))
    assert_refusal(tmp_path / "x.tflite", "3 entries are more than 2")


def test_what_is_too_large_or_not_there_is_refused(tmp_path, monkeypatch, file):
    assert_refusal(
        tmp_path / "nothing",
        "cannot be read",
    )
    assert_refusal(tmp_path, "cannot be read")
    monkeypatch.setattr(tflite_file, "LARGEST", 100)
    assert_refusal(file, r"bytes are more than 100")


def test_any_change_of_the_web_of_offsets_is_refused_or_read(file):
    whole, rng = file.read_bytes(), np.random.default_rng(0)
    words = [0, 1, 4, 2**31 - 1, 2**31, 2**32 - 1, len(whole), 2**32 - len(whole)]
    read = 0
    for _ in range(700):
        content = bytearray(whole)
        for place in rng.integers(0, len(whole) - 4, rng.integers(1, 4)):
            word = rng.choice(words) if rng.random() < 0.7 else rng.integers(0, 2**32)
            size = rng.choice([1, 2, 4])
            content[place : place + size] = int(word).to_bytes(4, "little")[:size]
        file.write_bytes(content)
        try:
            for layer in read_layers(file):
                layer.weights.array()
            read += 1
        except DataError as error:
            assert "\n" not in str(error)
    assert 50 < read < 650


def assert_refusal(file, reason):
    with pytest.raises(DataError, match=reason) as refusal:
        read_layers(file)
    assert "\n" not in str(refusal.value) and refusal.value.subject == str(file)
