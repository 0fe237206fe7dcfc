"""Growing trees: what each unit sounds like, by what is around it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.tree import ExtraTreeRegressor

from avnet.errors import TrainingError
from avnet.program.progress import progress
from avnet.synthesizers.cluster_gen.clusters import FILTER, SOURCE, Clusters
from avnet.synthesizers.cluster_gen.context import COORDINATES, RATE, frame_contexts, unit_contexts
from avnet.synthesizers.cluster_gen.forest import LARGEST, LEAST, Forest
from avnet.synthesizers.cluster_gen.trajectory import deltas
from train.frame_model.batches import Example

# Of the filter, which makes most of a voice.
MAX_LEAVES = 70_000
# Share of the features that each node draws from.
FEATURES = 0.5


def learn_clusters(
    examples: Sequence[Example], count: int, trees: int, leaf: int, seed: int, leaves: int = MAX_LEAVES
) -> Clusters:
    """The trees of all units of recordings.

    Args:
        examples: recordings with what their frames hold, those of a source-filter voice.
        count: of units there are.
        trees: of each unit.
        leaf: frames of a leaf at least; of trees of durations, units.
        seed: of the trees.
        leaves: of the filter, at most.

    Raises:
        TrainingError: no frame has a pitch.
    """
    columns = np.concatenate([one.columns for one in examples])
    change = np.concatenate([deltas(one.columns) for one in examples])
    voiced = columns[:, 1] > 0
    if not voiced.any():
        raise TrainingError("recordings", "have no voice whose pitch could be learned")
    lengths = [RATE * one.string.durations for one in examples]
    owner = np.concatenate([np.repeat(one.string.units, n) for one, n in zip(examples, lengths, strict=True)])
    coordinates = unit_coordinates(columns, owner, count)
    # A tree has as many leaves as would hold a third more than the fewest frames each.
    fewest = max(leaf, round(trees * len(columns) / (4 / 3 * leaves)))
    contexts = [frame_contexts(one.string.units, one.string.durations, coordinates) for one in examples]
    features = np.concatenate(contexts)

    def grow(rows: np.ndarray, which: np.ndarray, name: str) -> Forest:
        tables = np.concatenate([columns[:, which], change[:, which]], axis=1)[rows]
        return grow_forest(features[rows], owner[rows], tables, len(which), count, trees, fewest, seed, name)

    strings = [one.string for one in examples]
    around = np.concatenate([unit_contexts(string.units, coordinates) for string in strings])
    units = np.concatenate([string.units for string in strings])
    durations = np.concatenate([string.durations for string in strings])[:, None].astype(np.float32)
    return Clusters(
        coordinates,
        grow(np.arange(len(columns)), FILTER, "growing filters"),
        grow(np.flatnonzero(voiced), SOURCE, "growing sources"),
        grow_forest(around, units, durations, 1, count, trees, leaf, seed, "growing durations"),
    )


def unit_coordinates(
    columns: Float[np.ndarray, "frames columns"], owner: Int[np.ndarray, " frames"], count: int
) -> Float[np.ndarray, "units 5"]:
    """Principal components of the mean sound of units, weighted by their frames.

    Args:
        columns: of all frames; scaled here to a deviation of 1 each.
        owner: the unit of each frame.
        count: of units there are; one without frames lies at 0.
    """
    deviation = columns.std(axis=0)
    scaled = (columns - columns.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    frames = np.bincount(owner, minlength=count)
    means = (
        np.stack([np.bincount(owner, column, count) for column in scaled.T], axis=1) / np.maximum(frames, 1)[:, None]
    )
    _, vectors = np.linalg.eigh((means * frames[:, None]).T @ means)
    return (means @ vectors[:, ::-1][:, :COORDINATES]).astype(np.float32)


def grow_forest(
    features: Float[np.ndarray, "n features"],
    owner: Int[np.ndarray, " n"],
    tables: Float[np.ndarray, "n columns"],
    targets: int,
    count: int,
    trees: int,
    leaf: int,
    seed: int,
    name: str,
) -> Forest:
    """Extremely randomized trees of each unit.

    Args:
        features: float32, of rows.
        owner: the unit of each row.
        tables: whose means and deviations leaves shall hold.
        targets: columns, the first of `tables`, of which trees are to explain the variance, each scaled to 1.
        count: of units there are.
        trees: of each unit.
        leaf: rows of a leaf at least.
        seed: of the trees.
        name: of the progress.

    Reference: Geurts, Ernst and Wehenkel, "Extremely randomized trees", 2006.
    """
    deviation = tables[:, :targets].std(axis=0)
    wanted = tables[:, :targets] / np.where(deviation > 0, deviation, 1.0)
    order = np.argsort(owner, kind="stable")
    ends = np.searchsorted(owner[order], np.arange(count + 1))
    growth = Growth(np.full((trees, count), -1, np.int32))
    for unit in progress(range(count), name, count, "units"):
        rows = order[ends[unit] : ends[unit + 1]]
        for number in range(trees if len(rows) else 0):
            state = int(np.random.SeedSequence((seed, unit, number)).generate_state(1)[0])
            tree = ExtraTreeRegressor(min_samples_leaf=leaf, max_features=FEATURES, random_state=state)
            tree.fit(features[rows], wanted[rows])
            growth.add(number, unit, tree, features[rows], tables[rows])
    return growth.forest()


@dataclass
class Growth:
    """A forest that becomes larger.

    Attributes:
        roots: int32 [trees, units], the node at which each tree begins; -1 where there is none yet.
    """

    roots: np.ndarray
    _nodes: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    _tables: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    _counts: tuple[int, int] = (0, 0)

    def add(self, number: int, unit: int, tree: Any, features: np.ndarray, tables: np.ndarray) -> None:
        """Adds a tree.

        Args:
            number: of the tree.
            unit: to which it belongs.
            tree: of scikit-learn, fitted.
            features: float32 [n, features], of the rows that it was fitted on.
            tables: [n, columns], whose means and deviations its leaves shall hold.
        """
        nodes, leaves = self._counts
        shape = tree.tree_
        is_leaf = shape.children_left < 0
        children = np.stack([shape.children_left, shape.children_right], axis=1) + nodes
        rank = np.cumsum(is_leaf) - 1
        children[is_leaf] = np.stack([rank[is_leaf] + leaves, np.zeros(is_leaf.sum(), np.int64)], axis=1)
        self.roots[number, unit] = nodes
        # Rounded down, a threshold parts float32 numbers as it did before.
        threshold = shape.threshold.astype(np.float32)
        threshold = np.where(threshold > shape.threshold, np.nextafter(threshold, np.float32(-np.inf)), threshold)
        self._nodes.append((np.where(is_leaf, -1, shape.feature), np.where(is_leaf, 0, threshold), children))
        self._tables.append(_leaf_tables(rank[tree.apply(features)], tables))
        self._counts = (nodes + len(is_leaf), leaves + int(is_leaf.sum()))

    def forest(self) -> Forest:
        """All that was added."""
        feature, threshold, children = (np.concatenate(parts) for parts in zip(*self._nodes, strict=True))
        mean, deviation = (np.concatenate(parts).astype(np.float16) for parts in zip(*self._tables, strict=True))
        return Forest(
            self.roots,
            feature.astype(np.int16),
            threshold.astype(np.float32),
            children.astype(np.int32),
            mean,
            deviation,
        )


def _leaf_tables(leaf: np.ndarray, tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and bounded deviations of the rows at each leaf, all of which have some."""
    order = np.argsort(leaf, kind="stable")
    starts = np.searchsorted(leaf[order], np.arange(leaf.max() + 1))
    ordered = tables[order].astype(np.float64)
    count = np.diff(np.append(starts, len(leaf)))[:, None]
    mean = np.add.reduceat(ordered, starts) / count
    variance = np.add.reduceat(np.square(ordered - np.repeat(mean, count[:, 0], axis=0)), starts) / count
    return mean, np.clip(np.sqrt(variance), LEAST, LARGEST)
