"""Heatmaps of each thing that is audible, and which of many things are worth one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

# Least probability with which a class, or a group of them, counts as audible; classifiers of sounds are shy.
AUDIBLE = 0.1
# Share of the most probable group's probability that another one must reach to be told beside it.
PROMINENT = 0.5


@dataclass(frozen=True)
class ClassHeatmaps:
    """Where in one image a sound comes from, and what of it comes from where.

    Attributes:
        heatmap: of the whole sound, absolute probabilities.
        by_class: of each group of classes that is audible, by its name; the most probable first.
        probabilities: that each of them is in the sound.
    """

    heatmap: Float[np.ndarray, "rows columns"]
    by_class: Mapping[str, Float[np.ndarray, "rows columns"]] = field(default_factory=dict)
    probabilities: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of_maps(
        cls, maps: Float[np.ndarray, "rows columns maps"], probabilities: Mapping[str, float]
    ) -> "ClassHeatmaps":
        """Heatmaps that lie side by side: of the whole sound, and of each group in the order of the probabilities."""
        by_class = {name: maps[..., place] for place, name in enumerate(probabilities, start=1)}
        return cls(maps[..., 0], by_class, probabilities)


def prominent(moments: Sequence[Mapping[str, float]]) -> list[str]:
    """Names of the groups that a recording is of, those audible longest first.

    A classifier answers to a bark with some "pig" too. So a group must somewhere be audible with at least half of the
    probability that the most probable group reaches anywhere. It need not be so for long: a shot is short.

    Args:
        moments: of each moment of the recording the probabilities of what is audible, at least `AUDIBLE`.
    """
    best: dict[str, float] = {}
    for probabilities in moments:
        for name, probability in probabilities.items():
            best[name] = max(probability, best.get(name, 0.0))
    least = PROMINENT * max(best.values(), default=0.0)
    longest = Counter(name for probabilities in moments for name in probabilities).most_common()
    return [name for name, _ in longest if best[name] >= least]
