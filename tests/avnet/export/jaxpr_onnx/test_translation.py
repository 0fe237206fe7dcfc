"""Functions of JAX as ONNX graphs: by hand where axes and numbers could be taken for others, else beside JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from jax import lax

from avnet.errors import ConfigError
from avnet.export.onnx_session import open_session

need("onnx")
need("onnxruntime")

from avnet.export.jaxpr_onnx.elementwise import ELEMENTWISE  # noqa: E402
from avnet.export.jaxpr_onnx.operators import OPERATORS  # noqa: E402
from avnet.export.jaxpr_onnx.translation import translate  # noqa: E402


def graph(function, *arrays):
    """The file of a function of arrays such as these."""
    jaxpr = jax.make_jaxpr(function)(*arrays)
    inputs = [f"in_{i}" for i in range(len(arrays))]
    return translate(jaxpr, "function", inputs, [f"out_{i}" for i in range(len(jaxpr.out_avals))], OPERATORS)


def outputs(function, *arrays):
    run, _, _ = open_session(graph(function, *arrays))
    return run(*arrays)


def floats(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


MATRIX = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


def test_rows_and_columns_are_taken_by_their_numbers():
    (rows,) = outputs(lambda x, i: jnp.take(x, i, axis=0), MATRIX, np.array([[1], [0]], np.int32))
    assert rows.tolist() == [[[4, 5, 6]], [[1, 2, 3]]]
    (columns,) = outputs(lambda x, i: jnp.take(x, i, axis=1), MATRIX, np.array([2, 2, 0, -3], np.int32))
    assert columns.tolist() == [[3, 3, 1, 1], [6, 6, 4, 4]]


def test_axes_of_what_is_gathered_lie_where_jax_has_them():
    numbers = lax.GatherDimensionNumbers(offset_dims=(0, 2), collapsed_slice_dims=(1,), start_index_map=(1,))
    x, places = np.arange(12, dtype=np.float32).reshape(2, 3, 2), np.array([[2], [0], [1]], np.int32)
    # [rows, numbers, last]
    (read,) = outputs(lambda x, i: lax.gather(x, i, numbers, (2, 1, 2)), x, places)
    assert read.tolist() == [[[4, 5], [0, 1], [2, 3]], [[10, 11], [6, 7], [8, 9]]]


def test_numbers_that_repeat_are_added_and_others_are_replaced():
    rows, columns = np.array([0, 0, 1], np.int32), np.array([2, 2, 0], np.int32)
    values = np.array([10, 20, 30], np.float32)
    (added,) = outputs(lambda x, r, c, v: x.at[r, c].add(v), MATRIX, rows, columns, values)
    assert added.tolist() == [[1, 2, 33], [34, 5, 6]]
    (replaced,) = outputs(lambda x, r, v: x.at[r].set(v), MATRIX, np.array(1, np.int32), values)
    assert replaced.tolist() == [[1, 2, 3], [10, 20, 30]]


def test_products_keep_the_axes_that_both_share():
    left = np.array([[[1, 2]], [[3, 4]]], np.float32)  # [shared, rows, inner]
    right = np.array([[[1, 10], [2, 20], [3, 30]], [[0, 1], [1, 0], [1, 1]]], np.float32)  # [shared, columns, inner]
    (product,) = outputs(lambda a, b: jnp.einsum("sri,sci->src", a, b), left, right)
    assert product.tolist() == [[[21, 42, 63]], [[4, 3, 7]]]
    # The shared axis comes first, wherever it lies; then what is left of each.
    axes = ((1,), (0,)), ((0,), (2,))
    (turned,) = outputs(lambda a, b: lax.dot_general(a, b, axes), left[:, 0], right.transpose(2, 1, 0))
    assert turned.tolist() == [[21, 42, 63], [4, 3, 7]]


def test_sums_run_along_an_axis_from_either_end():
    assert outputs(lambda x: jnp.cumsum(x, axis=1), MATRIX)[0].tolist() == [[1, 3, 6], [4, 9, 15]]
    assert outputs(lambda x: lax.cumsum(x, 0, reverse=True), MATRIX)[0].tolist() == [[5, 7, 9], [4, 5, 6]]


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_is_written_out(reverse):
    def scan(x):
        return lax.scan(lambda state, one: (state + one, state * one), jnp.ones(()), x, reverse=reverse)

    state, products = outputs(scan, np.array([2, 3, 4], np.float32))
    assert state == 10
    assert products.tolist() == ([16, 15, 4] if reverse else [2, 9, 24])


def test_what_depends_on_no_input_is_computed_once_and_stored_once():
    weights = floats(64, 64)

    def function(x):
        return x @ (jnp.asarray(weights) * 2) + x @ (jnp.asarray(weights) * 2), jnp.arange(3)

    content = graph(function, MATRIX[:, :1] * np.ones((2, 64), np.float32))
    assert weights.nbytes < len(content) < 1.2 * weights.nbytes
    assert open_session(content)[0](np.ones((2, 64), np.float32))[1].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: lax.conv_general_dilated(
            x, jnp.asarray(floats(3, 2, 5)), (2,), [(1, 2)], dimension_numbers=("NWC", "WIO", "NWC")
        ),
        lambda x: jnp.pad(x, [(0, 0), (1, 2), (0, 1)], constant_values=7),
        lambda x: jnp.split(x, [1, 3], axis=1),
        lambda x: x[:, 1:4:2, 1],
        lambda x: jnp.stack([x, 2 * x], axis=2),
        lambda x: jnp.concatenate([x, jnp.zeros((2, 0, 2)), x[:, :1]], axis=1),
        lambda x: jnp.broadcast_to(x[:, None, :, 0, None], (2, 3, 4, 5)),
        lambda x: (x.max(axis=(0, 2)), x.sum(axis=1), (x > 1).any(axis=0), x.sum(axis=())),
        lambda x: x[:, :0].sum(axis=1) + x[:, 0],
        lambda x: jax.nn.softmax(jnp.where(x > 0, x, -jnp.inf), where=x > 0, axis=1),
        lambda x: (jnp.where(x > 0, x > 1, x < -1), lax.select(x[0, 0, 0] > 0, jnp.ones_like(x), jnp.zeros_like(x))),
        lambda x: (jax.nn.celu(x), jax.nn.softplus(x), jax.nn.glu(x), jax.nn.relu(x)),
    ],
)
def test_it_computes_what_jax_computes(function):
    x = floats(2, 4, 2)
    expected = jax.tree.leaves(jax.jit(function)(x))
    for got, wanted in zip(outputs(function, x), expected, strict=True):
        assert got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


NUMBERS = np.array([1e-4, 0.3, 1.0, 2.5, 30.0], np.float32)
BOOLEANS = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
# The names of `jax.lax`, where they are others.
OTHERWISE = {
    "and": lax.bitwise_and,
    "convert_element_type": lambda x: lax.convert_element_type(x, np.int32),
    "integer_pow": lambda x: lax.integer_pow(x, 3),
    "not": lax.bitwise_not,
    "or": lax.bitwise_or,
    "select_n": lambda x, y: lax.select_n(x > 1, x, y),
}
OF_BOOLEANS = ("and", "or", "not")
OF_TWO = (
    *("add", "sub", "mul", "div", "max", "min", "pow", "eq", "ne", "ge", "gt", "le", "lt"),
    *("and", "or", "select_n"),
)


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
def test_each_operation_of_elements_is_that_of_jax(name):
    arrays = BOOLEANS if name in OF_BOOLEANS else (NUMBERS, NUMBERS[::-1].copy())
    arrays = arrays if name in OF_TWO else arrays[:1]
    function = OTHERWISE.get(name) or getattr(lax, name)
    if name != "stop_gradient":  # which leaves nothing in a function that is not differentiated
        assert name in {one.primitive.name for one in jax.make_jaxpr(function)(*arrays).eqns}
    # Of the logarithm the last digit of 1 is what is exact.
    atol = 1e-7 if name == "log1p" else 0
    np.testing.assert_allclose(outputs(function, *arrays)[0], function(*arrays), rtol=1e-5, atol=atol)


@pytest.mark.parametrize(
    "function, name",
    [
        (lambda x: jnp.sort(x), "sort"),
        (lambda x: lax.reduce_window(x, 0.0, lax.add, (2, 2), (1, 1), "VALID"), "reduce_window_sum"),
    ],
)
def test_an_operation_without_a_translation_is_named(function, name):
    with pytest.raises(ConfigError, match=f"--format onnx: cannot hold JAX's '{name}'"):
        graph(function, MATRIX)


@pytest.mark.parametrize(
    "function, reason",
    [
        (lambda x: lax.pad(x, 0.0, [(0, 0, 1), (0, 0, 0)]), "'pad': it pads between elements"),
        (lambda x: x.at[:, 1].set(0.0), "'scatter': it writes elsewhere than at places of the first axes"),
        (lambda x: lax.dynamic_slice(x, (x[0, 0].astype(int), 0), (1, 1)), "'dynamic_slice': there is no translation"),
        (lambda x: x.astype(jnp.int32) & 1, "'and': it is of int32"),
    ],
)
def test_other_uses_of_an_operation_are_refused(function, reason):
    with pytest.raises(ConfigError, match=reason):
        graph(function, MATRIX)
