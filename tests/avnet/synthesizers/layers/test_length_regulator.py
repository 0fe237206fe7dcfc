"""Which unit each frame belongs to."""

import jax.numpy as jnp
import numpy as np

from avnet.synthesizers.layers.length_regulator import frames_of


def test_frames_are_worked_out_by_hand():
    at = frames_of(jnp.array([[2, 1, 0], [1, 0, 4]]), 5)
    assert at.exists.tolist() == [[True, True, True, False, False], [True] * 5]
    # A unit of no frames is passed over, within a string too.
    assert at.unit.tolist() == [[0, 0, 1, 2, 2], [0, 2, 2, 2, 2]]
    assert np.allclose(at.place, [[0.25, 0.75, 0.5, 0.5, 0.5], [0.5, 0.125, 0.375, 0.625, 0.875]])


def test_it_repeats_as_numpy_does():
    rng = np.random.default_rng(0)
    durations = rng.integers(1, 9, (2, 3))
    at = frames_of(jnp.asarray(durations), 5)
    for row, units, exists in zip(durations, at.unit, at.exists, strict=True):
        assert np.array_equal(np.asarray(units)[np.asarray(exists)], np.repeat(np.arange(3), row)[:5])


def test_strings_may_be_cut_or_empty():
    assert frames_of(jnp.array([[5, 5]]), 3).unit.tolist() == [[0, 0, 0]]
    nothing = frames_of(jnp.array([[0, 0]]), 3)
    assert not nothing.exists.any() and np.isfinite(nothing.place).all()
