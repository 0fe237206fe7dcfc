"""Dropout that draws bytes."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from avnet.nn.dropout import Dropout


def test_a_share_is_zero_and_the_mean_stays():
    """A rate of .3 is 77 of 256 levels; what is kept is scaled by 256 / 179."""
    x = jnp.ones((400, 500))
    out = np.asarray(Dropout(0.3)(x, rngs=nnx.Rngs(dropout=0)))
    assert set(np.unique(out)) == {0.0, np.float32(256 / 179)}
    # Five standard deviations of 200,000 draws.
    assert (out == 0).mean() == pytest.approx(77 / 256, abs=0.005) and out.mean() == pytest.approx(1.0, abs=0.008)
    assert (np.asarray(Dropout(0.3)(x, rngs=nnx.Rngs(dropout=1))) != out).any()


def test_outside_of_training_and_at_rate_zero_nothing_is_drawn():
    x, dropout = jnp.arange(6.0).reshape(2, 3), Dropout(0.5)
    with pytest.raises(ValueError, match="random numbers"):
        dropout(x)
    dropout.eval()
    assert (dropout(x) == x).all() and (Dropout(0.0)(x) == x).all()
