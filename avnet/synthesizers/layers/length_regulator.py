"""From one vector a unit to one a frame: each unit's as often as it has frames."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class Frames(NamedTuple):
    """What each frame belongs to.

    Attributes:
        unit: the place of its unit in the string; of frames that do not exist, the last place.
        place: how much of its unit has passed in the middle of the frame, in (0, 1).
        exists: whether the string is that long.
    """

    unit: Int[Array, "batch frames"]
    place: Float[Array, "batch frames"]
    exists: Bool[Array, "batch frames"]


def frames_of(durations: Int[Array, "batch n"], frames: int) -> Frames:
    """The units of the first frames of strings.

    Args:
        durations: frames of each unit, 0 where a string has no more units.
        frames: how many; beyond the end of a string they do not exist.

    Reference: Ren et al., "FastSpeech", 2019, section 3.2, the length regulator.

    Example:
        >>> frames_of(jnp.array([[2, 1, 0]]), 4).unit
        Array([[0, 0, 1, 2]], dtype=int32)
    """
    ends = jnp.cumsum(durations, axis=1)
    times = jnp.arange(frames)
    unit = jax.vmap(lambda row: jnp.searchsorted(row, times, side="right"))(ends)
    exists = times < ends[:, -1:]
    unit = jnp.minimum(unit, durations.shape[1] - 1).astype(jnp.int32)
    own = jnp.maximum(jnp.take_along_axis(durations, unit, axis=1), 1)
    begin = jnp.take_along_axis(ends, unit, axis=1) - own
    place = jnp.where(exists, (times - begin + 0.5) / own, 0.5)
    return Frames(unit, place, exists)
