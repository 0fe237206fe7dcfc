"""Trees as plain arrays."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from sklearn.tree import ExtraTreeRegressor

from avnet.errors import ConfigError
from avnet.synthesizers.cluster_gen.forest import LARGEST, LEAST, Forest
from train.cluster_gen.trees import Growth, grow_forest

# Unit 0 asks whether feature 1 is at most 2, and unit 1 nothing; unit 2 has no tree.
SMALL = Forest(
    np.array([[0, 3, -1]], np.int32),
    np.array([1, -1, -1, -1], np.int16),
    np.array([2, 0, 0, 0], np.float32),
    np.array([[1, 2], [0, 0], [1, 0], [2, 0]], np.int32),
    np.array([[10], [20], [30]], np.float16),
    np.array([[1], [2], [3]], np.float16),
)


def drawn(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(n, 5)).astype(np.float32)
    noise = rng.normal(size=(n, 2))
    return features, (np.stack([features[:, 0] > 0.3, features[:, 1]], axis=1) + 0.1 * noise).astype(np.float32)


def test_rows_go_left_where_they_are_at_most_the_threshold():
    features = np.array([[0, 2], [0, 2.5], [9, 9], [0, 0]], np.float32)
    said = SMALL.predict(features, np.array([0, 0, 1, 2]))
    assert said.mean[:3, 0].tolist() == [10, 20, 30] and said.deviation[:3, 0].tolist() == [1, 2, 3]
    assert said.known.tolist() == [True, True, True, False] and np.isfinite(said.deviation).all()


def test_several_trees_give_the_mean_of_means_and_of_variances():
    two = dataclasses.replace(SMALL, roots=np.array([[3], [1]], np.int32))
    said = two.predict(np.zeros((1, 2), np.float32), np.array([0]))
    assert said.mean.item() == 20 and said.deviation.item() == pytest.approx(np.sqrt((9 + 1) / 2))


def test_a_tree_of_one_leaf_says_the_mean_and_the_deviation():
    features, tables = drawn()
    forest = grow_forest(features, np.zeros(300, int), tables, 2, 1, 1, 300, 0, "growing")
    assert len(forest.feature) == 1
    said = forest.predict(features[:3], np.zeros(3, int))
    assert np.allclose(said.mean, tables.mean(axis=0), atol=1e-3)
    assert np.allclose(said.deviation, tables.std(axis=0), rtol=1e-3)


def test_it_predicts_what_scikit_learn_predicts():
    features, tables = drawn()
    growth, theirs = Growth(np.full((2, 3), -1, np.int32)), []
    for number in range(2):
        tree = ExtraTreeRegressor(min_samples_leaf=4, random_state=number).fit(features, tables)
        growth.add(number, 1, tree, features, tables)
        theirs.append(tree.predict(features + 0.5))
    said = growth.forest().predict(features + 0.5, np.ones(300, int))
    assert np.allclose(said.mean, np.mean(theirs, axis=0), atol=2e-3)


def test_values_at_thresholds_go_where_scikit_learn_sends_them():
    features, tables = drawn()
    tree: Any = ExtraTreeRegressor(min_samples_leaf=4, random_state=0).fit(features, tables)
    growth = Growth(np.full((1, 1), -1, np.int32))
    growth.add(0, 0, tree, features, tables)
    # Float32 numbers around every threshold, which scikit-learn has in float64.
    inner = tree.tree_.feature >= 0
    near = np.repeat(tree.tree_.threshold[inner].astype(np.float32)[:, None], 5, axis=1)
    rows = np.concatenate([near, np.nextafter(near, np.float32(9)), np.nextafter(near, np.float32(-9))])
    leaves = growth.forest().leaves(rows, np.zeros(len(rows), int))[0]
    ranks = np.cumsum(tree.tree_.children_left < 0) - 1
    assert np.array_equal(leaves, ranks[tree.apply(rows)])


def test_each_unit_has_trees_of_its_own_and_the_seed_decides_them():
    features, tables = drawn()
    owner = np.arange(300) % 2
    forest, again, other = (grow_forest(features, owner, tables, 2, 3, 2, 5, seed, "growing") for seed in (0, 0, 1))
    assert (forest.roots[:, 2] == -1).all() and (forest.roots[:, :2] >= 0).all()
    assert all(np.array_equal(array, again.arrays[name]) for name, array in forest.arrays.items())
    assert not np.array_equal(forest.threshold, other.threshold)
    alone = grow_forest(features[owner == 1], owner[owner == 1], tables[owner == 1], 2, 3, 2, 5, 0, "growing")
    rows, ones = features[:9], np.ones(9, int)
    scale = tables.std(axis=0), tables[owner == 1].std(axis=0)
    assert np.allclose(*scale, rtol=0.1)
    assert np.abs(forest.predict(rows, ones).mean - alone.predict(rows, ones).mean).max() < 0.5


def test_leaves_in_steps_by_hand():
    # From 10 to 30 in 255 steps, 20 lies between two of them. Steps of deviations are factors.
    small = SMALL.in_steps()
    assert small.mean[[0, 2], 0].tolist() == [0, 255] and small.mean[1, 0] in (127, 128) and small.scales is not None
    assert small.scales[:, 0] == pytest.approx([10, 20 / 255, 0, np.log(3) / 255])
    said = small.predict(np.array([[0, 2], [0, 3], [0, 0]], np.float32), np.array([0, 0, 1]))
    assert said.mean[:, 0] == pytest.approx([10, 20, 30], abs=0.04)
    assert said.deviation[:, 0] == pytest.approx([1, 2, 3], rel=0.003)
    assert small.in_steps() is small
    again = Forest.of({f"f.{name}": array for name, array in small.arrays.items()}, "f")
    assert all(np.array_equal(array, again.arrays[name]) for name, array in small.arrays.items())


def test_steps_of_a_column_that_is_always_the_same_are_nothing():
    same = dataclasses.replace(SMALL, mean=np.full((3, 1), 7, np.float16), deviation=np.full((3, 1), LEAST, np.float16))
    said = same.in_steps().predict(np.zeros((1, 2), np.float32), np.array([1]))
    assert said.mean.item() == 7 and said.deviation.item() == pytest.approx(LEAST, rel=1e-3)


@pytest.mark.parametrize(
    ("scales", "reason"),
    [
        ([[0], [1], [0]], "scales: must be float32"),
        ([[0], [-1], [0], [1]], "scales: must have steps of at least 0"),
        ([[np.nan], [1], [0], [1]], "scales: holds values that are not finite"),
        ([[0], [1], [0], [0.1]], "deviation: must be from"),
        ([[0], [1], [0], [1e30]], "deviation: must be from"),
        ([[0], [1], [-9], [0.01]], "deviation: must be from"),
    ],
)
def test_steps_that_lead_astray_are_refused(scales, reason):
    with pytest.raises(ConfigError, match=reason):
        dataclasses.replace(SMALL.in_steps(), scales=np.array(scales, np.float32))
    with pytest.raises(ConfigError, match="mean: must be"):
        dataclasses.replace(SMALL, scales=np.zeros((4, 1), np.float32))


DAMAGES: dict[str, tuple[dict[str, Any], str]] = {
    "circle": ({"children": [[0, 2], [0, 0], [1, 0], [2, 0]]}, "children: must be later nodes"),
    "beyond": ({"children": [[1, 4], [0, 0], [1, 0], [2, 0]]}, "children: must be later nodes"),
    "leaf": ({"children": [[1, 2], [0, 0], [1, 0], [3, 0]]}, "children: must be rows from 0 to 2"),
    "negative leaf": ({"children": [[1, 2], [-1, 0], [1, 0], [2, 0]]}, "children: must be rows"),
    "root": ({"roots": [[0, 4, -1]]}, "roots: must be some nodes from 0 to 3"),
    "no root": ({"roots": np.zeros((0, 3))}, "roots: must be some nodes"),
    "no nodes": (
        {"roots": [[-1]], "feature": [], "threshold": [], "children": np.zeros((0, 2))},
        "roots: must be some nodes",
    ),
    "half a forest": ({"roots": [[0, 3, -1], [0, -1, -1]]}, "roots: must give each unit all trees or none"),
    "feature": ({"feature": [-2, -1, -1, -1]}, "feature: must be at least -1"),
    "threshold": ({"threshold": [np.nan, 0, 0, 0]}, "threshold: holds values that are not finite"),
    "mean": ({"mean": [[np.inf], [0], [0]]}, "mean: holds values that are not finite"),
    "deviation": ({"deviation": [[1], [0], [1]]}, "deviation: must be from"),
    "shape": ({"deviation": [[1], [1]]}, r"deviation: must be float16\[3, 1\], got float16\[2, 1\]"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_arrays_that_would_lead_astray_are_refused(name):
    changes, reason = DAMAGES[name]
    arrays = {key: np.asarray(value, getattr(SMALL, key).dtype) for key, value in changes.items()}
    with pytest.raises(ConfigError, match=reason):
        dataclasses.replace(SMALL, **arrays)


def test_arrays_of_other_types_and_forests_of_other_sizes_are_refused():
    with pytest.raises(ConfigError, match="mean: must be float16"):
        dataclasses.replace(SMALL, mean=SMALL.mean.astype(np.float32))
    for sizes in ((4, 2, 1), (3, 1, 1), (3, 2, 2)):
        with pytest.raises(ConfigError, match="filter: must"):
            SMALL.check("filter", *sizes)
    SMALL.check("filter", 3, 2, 1)


def test_deviations_of_constants_are_bounded():
    forest = grow_forest(np.zeros((4, 1), np.float32), np.zeros(4, int), np.ones((4, 1)), 1, 1, 1, 2, 0, "growing")
    assert LEAST / 2 < forest.deviation.item() < LARGEST and forest.mean.item() == 1
