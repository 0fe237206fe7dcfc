import numpy as np
import pytest

from avnet.describer.familiarity import ORDINARY, Familiarity, likeness, unit


def test_likeness_is_the_mean_cosine_with_the_nearest():
    features = unit(np.array([[1.0, 0.0], [0.0, 2.0]]))
    assert likeness(features, np.array([[3.0, 0.0], [1.0, 1.0]])) == pytest.approx([0.5, np.sqrt(0.5)])
    many = unit(np.array([[1.0, 0.0]] * 5 + [[-1.0, 0.0]] * 9))
    assert likeness(many, np.array([[2.0, 0.0]])) == pytest.approx([1.0])


def test_what_is_like_no_other_is_not_trusted_and_the_ordinary_is():
    rng = np.random.default_rng(0)
    training = rng.normal(3.0, 1.0, (200, 16))
    held_out = rng.normal(3.0, 1.0, (100, 16))
    familiarity = Familiarity.of(training, held_out)
    trust = familiarity.trust(held_out)
    assert (trust == 1).mean() >= 1 - 2 * ORDINARY and trust.min() > 0
    assert (familiarity.trust(-held_out) == 0).all()
    assert (familiarity.trust(rng.normal(0.0, 1.0, (20, 16))) < 0.5).all()


def test_one_image_is_trusted_as_among_others():
    rng = np.random.default_rng(1)
    familiarity = Familiarity.of(rng.normal(2.0, 1.0, (30, 8)), rng.normal(2.0, 1.0, (40, 8)))
    query = rng.normal(1.0, 1.0, (5, 8))
    together = familiarity.trust(query)
    assert [float(familiarity.trust(one[None])[0]) for one in query] == pytest.approx(together.tolist())


def test_zero_is_no_direction():
    assert (unit(np.zeros((1, 3))) == 0).all()
