"""The cost of a change of unit that leaves so many units a second."""

import numpy as np
from jaxtyping import Float, Int

from avnet.units.viterbi import best_paths

# Halvings of the interval, which begins at the largest distance that there is.
HALVINGS = 12


def penalty_for(
    costs: Float[np.ndarray, "batch steps units"], steps: Int[np.ndarray, " batch"], changes: float
) -> float:
    """The least cost, to a few parts in a thousand of the largest distance, with which there are at most so many units.

    Args:
        costs: of each unit at each step, zero after the end.
        steps: of each recording.
        changes: units in all recordings together.

    Returns:
        0 where there are no more without any cost.
    """

    def count(penalty: float) -> int:
        labels = best_paths(costs, penalty)
        rows = [row[:n] for row, n in zip(labels, steps, strict=True)]
        return sum(int(np.count_nonzero(np.diff(row, prepend=-1))) for row in rows)

    if count(0.0) <= changes:
        return 0.0
    few, many = float(costs.max()), 0.0
    # A cost of the largest distance may be too little where a unit is nearest for long.
    while count(few) > max(changes, np.count_nonzero(steps)):
        few *= 2
    for _ in range(HALVINGS):
        middle = (few + many) / 2
        few, many = (middle, many) if count(middle) <= changes else (few, middle)
    return few
