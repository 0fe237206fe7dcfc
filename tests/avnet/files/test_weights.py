"""Weights in fewer bits."""

import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import load

from avnet.errors import ModelFolderError
from avnet.files.weights import arrays_of, fill_network, in_steps, to_bytes, to_floats


def linear() -> nnx.Linear:
    layer = nnx.Linear(2, 3, rngs=nnx.Rngs(0))
    kernel, bias = np.array([[1.0, 0.0, -2.54], [-0.5, 0.0, 0.02]]), np.array([1.0, 2.0, 3.0])
    return fill_network("layer", layer, {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)})


def test_steps_of_each_channel_by_hand():
    parts = in_steps("a", np.array([[1.0, 0.0, -2.54], [-0.5, 0.0, 0.02]], np.float32))
    assert parts["a"].tolist() == [[127, 0, -127], [-64, 0, 1]] and parts["a"].dtype == np.int8
    assert parts["a.scale"] == pytest.approx([1 / 127, 0.0, 0.02])
    assert to_floats(parts)["a"] == pytest.approx(np.array([[1.0, 0.0, -2.54], [-64 / 127, 0.0, 0.02]]))
    assert in_steps("b", np.ones(3, np.float32))["b"].dtype == np.float16


@pytest.mark.parametrize(("precision", "off"), [("float32", 0.0), ("float16", 2e-3), ("int8", 0.011)])
def test_a_network_is_filled_with_what_it_was_written_with(precision, off):
    network = linear()
    again = fill_network("w", linear(), load(to_bytes(network, precision)))
    for name, array in arrays_of(again).items():
        assert array.dtype == np.float32 and array == pytest.approx(arrays_of(network)[name], abs=off)


@pytest.mark.parametrize(
    "change",
    [
        {"kernel.scale": np.ones(2, np.float32)},
        {"kernel.scale": np.ones(3, np.float16)},
        {"kernel.scale": np.full(3, np.nan, np.float32)},
        {"bias": np.ones(3, np.int8)},
        {"bias.scale": np.ones(3, np.float32)},
    ],
)
def test_steps_that_fit_no_array_are_refused(change):
    arrays = load(to_bytes(linear(), "int8")) | change
    with pytest.raises(ModelFolderError, match=r"too many|not float32|not finite"):
        fill_network("w", linear(), arrays)
    with pytest.raises(ModelFolderError, match="not float32"):
        fill_network("w", linear(), {"kernel": arrays["kernel"], "bias": np.ones(3, np.float32)})
