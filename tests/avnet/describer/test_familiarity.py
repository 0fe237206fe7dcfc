from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from avnet.describer.familiarity import ORDINARY, Familiarity, likeness, read_familiarity, unit
from avnet.errors import ModelFolderError
from train.compact.familiarity import project


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


def clustered(n: int, seed: int) -> np.ndarray:
    """Vectors around ten centers in 60 dimensions, as images of some kinds are: not negative, and never alike."""
    centers = np.random.default_rng(0).gamma(1.0, 1.0, (10, 60))
    rng = np.random.default_rng(seed)
    return centers[rng.integers(0, 10, n)] * rng.gamma(8.0, 1 / 8, (n, 60))


def test_few_components_tell_nearly_the_same_order_of_familiarity():
    whole = Familiarity.of(clustered(800, 1), clustered(200, 2))
    small = project(whole, 16)
    query = np.concatenate([clustered(100, 3), np.random.default_rng(4).gamma(1.0, 1.0, (100, 60))])
    order, _ = spearmanr(whole.likeness(query), small.likeness(query))
    assert float(order) > 0.95  # pyright: ignore[reportArgumentType]: scipy's result is not typed
    assert sum(array.nbytes for array in small.arrays.values()) < 0.2 * sum(
        array.nbytes for array in whole.arrays.values()
    )
    # What is ordinary moves along: as many of the others are trusted less.
    assert np.abs(whole.trust(query) - small.trust(query)).mean() < 0.05


def test_all_components_are_as_good_as_whole_features():
    whole = Familiarity.of(clustered(100, 1), clustered(50, 2))
    assert project(whole, 60) is whole
    nearly = project(whole, 59)
    assert np.allclose(nearly.likeness(clustered(9, 3)), whole.likeness(clustered(9, 3)), atol=0.02)
    assert np.allclose(nearly.ordinary, whole.ordinary, atol=0.02) and project(nearly, 9) is nearly


def test_the_nearest_learned_images_come_first_along_components_too():
    whole = Familiarity(
        unit(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.1], [0.7, 0.7, 0.0]])), np.array([0.5], np.float32)
    )
    for familiarity in (whole, project(whole, 2)):
        assert familiarity.nearest(np.array([0.1, 1.0, 0.0]), 5).tolist() == [1, 2, 0]
        assert familiarity.nearest(np.array([2.0, 0.1, 0.0]), 2).tolist() == [0, 2]


def test_equal_images_along_one_component_by_hand():
    # All point to (1, 1): a step is a 127th of what they have along it.
    whole = Familiarity(unit(np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])), np.array([0.5], np.float32))
    small = project(whole, 1)
    assert np.abs(small.features).tolist() == [[127]] * 3 and small.components is not None
    assert small.components.steps == pytest.approx([1 / 127], rel=1e-3)
    assert small.likeness(np.array([[1.0, 0.0], [-2.0, -2.0]])) == pytest.approx([np.sqrt(0.5), -1.0], abs=1e-3)


def test_components_are_read_back_and_refused_where_they_do_not_fit():
    small = project(Familiarity.of(clustered(40, 1), clustered(20, 2)), 8)
    again = read_familiarity(Path("m"), small.arrays, 60)
    assert all(np.array_equal(array, small.arrays[name]) for name, array in again.arrays.items())
    for name, wrong in (
        ("basis", np.zeros((60, 9), np.float16)),
        ("basis", np.zeros((59, 8), np.float16)),
        ("basis", np.full((60, 8), np.nan, np.float16)),
        ("steps", np.full(8, np.inf, np.float32)),
        ("steps", np.ones((8, 1), np.float32)),
        ("features", np.zeros((40, 9), np.int8)),
    ):
        with pytest.raises(ModelFolderError, match=r"m: (does not fit|holds values out of range)"):
            read_familiarity(Path("m"), small.arrays | {name: wrong}, 60)
    with pytest.raises(ModelFolderError, match="is damaged"):
        read_familiarity(Path("m"), {"features": small.features, "ordinary": small.ordinary}, 60)
