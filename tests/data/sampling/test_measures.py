import numpy as np
import pytest

from data.sampling.measures import Motion, loudness_dbfs

RATE = 48_000


def test_loudness_is_that_of_the_loudest_clip():
    samples = np.zeros(3 * RATE)
    samples[RATE : 2 * RATE] = 0.1
    assert loudness_dbfs(samples, RATE) == pytest.approx(-20.0)
    assert loudness_dbfs(np.zeros(RATE), RATE) == -100.0 == loudness_dbfs(np.zeros(0), RATE)
    sine = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert loudness_dbfs(sine, RATE) == pytest.approx(-3.0103, abs=1e-3)


def test_motion_is_the_mean_of_all_changes():
    motion = Motion()
    assert motion.level == 0.0
    for grey in (10, 30, 30, 25):
        motion.add(np.full((60, 80, 3), grey, np.uint8))
    assert motion.level == pytest.approx((20 + 0 + 5) / 3)
