"""What trees may ask of a frame, and of a unit: its place, its length, and the units around it.

Units have no order, and trees ask whether a number is below a threshold. So a unit is described to its neighbours by
coordinates: principal components of how units sound on average, in which units that sound alike are near each other. A
unit itself needs none, since it has trees of its own.
"""

import numpy as np
from jaxtyping import Float, Int

# Principal components of a unit, and neighbours to either side that are told apart.
COORDINATES, NEIGHBORS = 5, 3
# Frames of 5 ms from a frame to the begin and the end of windows, whose units' coordinates are averaged: 25, 100 and
# 400 ms to either side.
WINDOWS = ((-80, -20), (-20, -5), (-5, 0), (1, 6), (6, 21), (21, 81))
# Frames of 5 ms in a frame of units.
RATE = 2

_AROUND = 2 * NEIGHBORS * COORDINATES
# Numbers that a frame's trees ask for: neighbours, lengths, three of its place in the unit, three of that in the
# string, windows; and those of a unit's duration: neighbours, and units before and after it.
FRAME_FEATURES = _AROUND + 2 * NEIGHBORS + 1 + 6 + len(WINDOWS) * COORDINATES
UNIT_FEATURES = _AROUND + 2


def frame_contexts(
    units: Int[np.ndarray, " n"], durations: Int[np.ndarray, " n"], coordinates: Float[np.ndarray, "units 5"]
) -> Float[np.ndarray, "frames features"]:
    """The features of every 5 ms of a string.

    Args:
        units: of the string.
        durations: of each, frames of 10 ms, at least 1.
        coordinates: of all units there are.

    Returns:
        float32 [2 * sum of durations, 73].
    """
    lengths = RATE * np.asarray(durations, np.int64)
    total, time = int(lengths.sum()), np.arange(int(lengths.sum()))
    owner = np.repeat(np.arange(len(units)), lengths)
    since = time - (np.cumsum(lengths) - lengths)[owner] + 0.5
    length = lengths[owner]
    places = [since, length - since, since / length, time, total - time, time / max(total, 1)]
    own = coordinates[units][owner]
    # At i is the sum over the frames before i.
    sums = np.concatenate([np.zeros((1, COORDINATES)), np.cumsum(own, axis=0, dtype=np.float64)])
    # Beyond the ends of the string lies 0, the mean of all units.
    edges = [(np.clip(time + begin, 0, total), np.clip(time + end, 0, total)) for begin, end in WINDOWS]
    means = [
        (sums[end] - sums[begin]) / (right - left) for (begin, end), (left, right) in zip(edges, WINDOWS, strict=True)
    ]
    around = np.concatenate(
        [_neighbors(coordinates[units]), _neighbors(durations[:, None]), durations[:, None]], axis=1
    )
    return np.concatenate([around[owner], np.stack(places, axis=1), *means], axis=1).astype(np.float32)


def unit_contexts(
    units: Int[np.ndarray, " n"], coordinates: Float[np.ndarray, "units 5"]
) -> Float[np.ndarray, "n features"]:
    """The features of every unit of a string, for its duration.

    Returns:
        float32 [n, 32].
    """
    number = np.arange(len(units))[:, None]
    return np.concatenate([_neighbors(coordinates[units]), number, len(units) - number], axis=1).astype(np.float32)


def _neighbors(values: np.ndarray) -> np.ndarray:
    """The rows before and after each row, nearest first; 0 where there is none."""
    padded = np.pad(values, ((NEIGHBORS, NEIGHBORS), (0, 0)))
    steps = [step for distance in range(1, NEIGHBORS + 1) for step in (-distance, distance)]
    return np.concatenate([padded[NEIGHBORS + step :][: len(values)] for step in steps], axis=1)
