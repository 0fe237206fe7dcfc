"""Features at one scale."""

import jax.numpy as jnp
import numpy as np
import pytest

from avnet.errors import DataError
from avnet.nn.standard import Standard


def test_the_scale_is_mean_and_deviation_of_each_feature():
    standard, rows = Standard(8), np.stack([np.arange(8.0), np.arange(8.0) + 4]).astype(np.float32)
    rows[:, 7] = -11.5
    standard.measure(rows)
    normal = np.asarray(standard(jnp.asarray(rows)))
    assert normal[:, 3].tolist() == [-1, 1] and normal[:, 7].tolist() == [0, 0]
    assert np.asarray(standard.restore(jnp.asarray(normal))) == pytest.approx(rows)


@pytest.mark.parametrize("nothing", [np.zeros((0, 8), np.float32), np.full((1, 8), np.nan, np.float32)])
def test_what_has_no_moments_is_refused(nothing):
    with pytest.raises(DataError, match="must be finite"):
        Standard(8).measure(nothing)
