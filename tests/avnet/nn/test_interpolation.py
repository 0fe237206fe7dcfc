import numpy as np
import pytest
from extras import need

from avnet.nn.interpolation import cubic_matrix, linear_matrix


def test_matrices_are_worked_out_by_hand():
    # From 4 to 2 the centers are .5 and 2.5: halfway between samples the kernel is -3/32, 19/32, 19/32, -3/32.
    np.testing.assert_allclose(cubic_matrix(4, 2)[1] * 32, [0, -3, 19, 16], atol=1e-5)
    np.testing.assert_allclose(linear_matrix(2, 4), [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])


@pytest.mark.parametrize("make", [cubic_matrix, linear_matrix])
def test_the_same_size_changes_nothing_and_a_constant_stays(make):
    np.testing.assert_allclose(make(5, 5), np.eye(5), atol=1e-7)
    np.testing.assert_allclose(make(5, 8).sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("size", "out_size"), [(37, 16), (14, 28), (4, 3), (7, 12), (1, 3), (3, 1)])
def test_cubic_interpolation_agrees_with_torch(size, out_size, antialias):
    torch = need("torch")
    values = np.random.default_rng(0).normal(size=(size, size)).astype(np.float32)
    options = {"mode": "bicubic", "align_corners": False, "antialias": antialias}
    there = torch.nn.functional.interpolate(torch.as_tensor(values)[None, None], (out_size, size), **options)[0, 0]
    np.testing.assert_allclose(cubic_matrix(size, out_size, antialias=antialias) @ values, there, atol=1e-5)


@pytest.mark.parametrize(("size", "out_size"), [(37, 16), (14, 28), (7, 12), (1, 3)])
def test_linear_interpolation_agrees_with_torch(size, out_size):
    torch = need("torch")
    values = np.random.default_rng(0).normal(size=(size, 3)).astype(np.float32)
    there = torch.nn.functional.interpolate(torch.as_tensor(values)[None, None], (out_size, 3), mode="bilinear")[0, 0]
    np.testing.assert_allclose(linear_matrix(size, out_size) @ values, there, atol=1e-5)
