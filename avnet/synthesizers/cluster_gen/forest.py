"""Regression trees as plain arrays, some for each unit, whose leaves hold means and deviations."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from avnet.errors import ConfigError

# Bounds of deviations: beyond them, equations of means and deltas could not be solved in float64. The least is far
# below what can be heard of any column.
LEAST, LARGEST = 2e-3, 1e3
# Steps between the least and the greatest number of a column, where leaves are kept in eight bits.
STEPS = 255


class Statistics(NamedTuple):
    """What trees say of frames or units.

    Attributes:
        mean: float32 [n, columns].
        deviation: float32 [n, columns], above 0.
        known: bool [n], whether the unit has trees; means are 0 and deviations 1 where it has none.
    """

    mean: np.ndarray
    deviation: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Forest:
    """Trees of units.

    Attributes:
        roots: int32 [trees, units], the node at which each tree of a unit begins; -1 for units without trees.
        feature: int16 [nodes], number of the feature that is asked for; -1 at leaves.
        threshold: float32 [nodes]; at most as much leads to the first child.
        children: int32 [nodes, 2], nodes with greater numbers; at leaves the first is the row of `mean`.
        mean: float16 [leaves, columns], or uint8, steps of each column.
        deviation: float16 [leaves, columns], from `LEAST` to `LARGEST`; or uint8, steps of its natural logarithm.
        scales: None, or float32 [4, columns]: the least mean, a step of means, the least logarithm of a deviation and
            a step of these.
    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    children: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    scales: np.ndarray | None = None

    def __post_init__(self):
        """Checks all that could lead astray.

        Raises:
            ConfigError: names the array and what is wrong.
        """
        nodes, shape = len(self.feature), self.mean.shape
        number = np.float16 if self.scales is None else np.uint8
        shapes = {
            "roots": (np.int32, self.roots.shape if self.roots.ndim == 2 else None),
            "feature": (np.int16, (nodes,)),
            "threshold": (np.float32, (nodes,)),
            "children": (np.int32, (nodes, 2)),
            "mean": (number, shape if len(shape) == 2 else None),
            "deviation": (number, shape),
        }
        if self.scales is not None:
            shapes["scales"] = (np.float32, (4, *shape[1:]))
        for name, (dtype, expected) in shapes.items():
            array = getattr(self, name)
            if array.dtype != dtype or array.shape != expected:
                raise ConfigError(
                    name, f"must be {np.dtype(dtype)}{list(expected or ())}, got {array.dtype}{list(array.shape)}"
                )
            if not np.isfinite(array).all():
                raise ConfigError(name, "holds values that are not finite")
        if not nodes or not self.roots.size or self.roots.min() < -1 or self.roots.max() >= nodes:
            raise ConfigError("roots", f"must be some nodes from 0 to {nodes - 1}, or -1")
        if ((self.roots < 0) != (self.roots[:1] < 0)).any():
            raise ConfigError("roots", "must give each unit all trees or none")
        if self.feature.min(initial=-1) < -1:
            raise ConfigError("feature", "must be at least -1")
        inner = self.feature >= 0
        # Each step leads further on, so no walk goes round in circles.
        onward = self.children > np.arange(nodes)[:, None]
        if not (onward & (self.children < nodes))[inner].all():
            raise ConfigError("children", "must be later nodes of the tree")
        rows = self.children[~inner, 0]
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self.mean):
            raise ConfigError("children", f"must be rows from 0 to {len(self.mean) - 1} at leaves")
        if self.scales is None:
            least, largest = self.deviation.min(initial=1), self.deviation.max(initial=1)
        else:
            if (self.scales[1::2] < 0).any():
                raise ConfigError("scales", "must have steps of at least 0")
            # Bounded before the exponential, which would overflow.
            ends = np.clip(self.scales[2] + np.outer([0, STEPS], self.scales[3]), -99, 99)
            least, largest = np.exp(ends.min(initial=0)), np.exp(ends.max(initial=0))
        # What was rounded may lie a little beyond.
        if not LEAST / 2 <= least <= largest <= 1.01 * LARGEST:
            raise ConfigError("deviation", f"must be from {LEAST:g} to {LARGEST:g}")

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All of it, by name."""
        return {name: np.ascontiguousarray(array) for name, array in vars(self).items() if array is not None}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], name: str) -> "Forest":
        """The forest whose arrays are called NAME.roots and so on.

        Raises:
            KeyError, ConfigError: arrays are missing or not those of a forest.
        """
        parts = (arrays[f"{name}.{field}"] for field in cls.__dataclass_fields__ if field != "scales")
        return cls(*parts, scales=arrays.get(f"{name}.scales"))

    def in_steps(self) -> "Forest":
        """The same trees, with leaves in eight bits in place of sixteen: 256 means and deviations for each column."""
        if self.scales is not None or not len(self.mean):
            return self
        rows = {"mean": self.mean.astype(np.float32), "deviation": np.log(self.deviation.astype(np.float32))}
        scales, numbers = [], {}
        for name, values in rows.items():
            least = values.min(axis=0)
            step = (values.max(axis=0) - least) / STEPS
            numbers[name] = np.rint((values - least) / np.where(step > 0, step, 1.0)).astype(np.uint8)
            scales += [least, step]
        return replace(self, **numbers, scales=np.stack(scales).astype(np.float32))

    def means(self, leaves: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n columns"]:
        """The means of leaves, float32."""
        rows = self.mean[leaves].astype(np.float32)
        return rows if self.scales is None else self.scales[0] + self.scales[1] * rows

    def deviations(self, leaves: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n columns"]:
        """The deviations of leaves, float32."""
        rows = self.deviation[leaves].astype(np.float32)
        return rows if self.scales is None else np.exp(self.scales[2] + self.scales[3] * rows)

    def check(self, name: str, units: int, features: int, columns: int) -> None:
        """Refuses a forest that does not fit.

        Args:
            name: of it, for the refusal.
            units: that there are.
            features: that can be asked for.
            columns: that are wanted of it.

        Raises:
            ConfigError: it is for another number of units or columns, or asks for features that there are not.
        """
        if self.roots.shape[1] != units or self.mean.shape[1] != columns:
            sizes = f"{self.roots.shape[1]} units and {self.mean.shape[1]} columns"
            raise ConfigError(name, f"must be of {units} units and {columns} columns, got {sizes}")
        if self.feature.max(initial=-1) >= features:
            raise ConfigError(name, f"must ask for {features} features, got number {self.feature.max()}")

    def leaves(self, features: Float[np.ndarray, "n features"], units: Int[np.ndarray, " n"]) -> np.ndarray:
        """The leaf of each tree at which rows arrive, int32 [trees, n]; -1 for units without trees."""
        node = self.roots[:, units].copy()
        known = node >= 0
        row = np.broadcast_to(np.arange(len(units)), node.shape)
        walking = known & (self.feature[node] >= 0)
        while walking.any():
            at = node[walking]
            right = features[row[walking], self.feature[at]] > self.threshold[at]
            node[walking] = self.children[at, right.astype(np.int64)]
            walking &= self.feature[node] >= 0
        return np.where(known, self.children[node, 0], -1)

    def predict(self, features: Float[np.ndarray, "n features"], units: Int[np.ndarray, " n"]) -> Statistics:
        """The mean over a unit's trees of their leaves' means and variances.

        Args:
            features: float32, of each row.
            units: to which the rows belong.
        """
        leaves = self.leaves(features, units)
        mean = np.zeros((len(units), self.mean.shape[1]), np.float32)
        variance, known = np.zeros_like(mean), leaves[0] >= 0
        for row in leaves[:, known]:
            mean[known] += self.means(row)
            variance[known] += np.square(self.deviations(row))
        variance[~known] = len(leaves)
        return Statistics(mean / len(leaves), np.sqrt(variance / len(leaves)), known)
