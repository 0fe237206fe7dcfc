"""Moments of video from records that hold enough frames."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from avnet.errors import DataError
from avnet.moments.moment import Moment
from data.records.segment import Segment, SegmentSource

# Frames may lie so many times as far apart as those that a network sees, or as those of the film.
SLACK = 1.5


def moment_of(
    segment: Segment,
    frame: int,
    moment: Moment,
    view: Callable[[np.ndarray], np.ndarray] = lambda image: image,
    min_side: int | None = None,
) -> np.ndarray:
    """What is seen when a frame of a segment is on screen: uint8 [height, width, channels].

    Args:
        segment: of the records; at its ends the first or last frame stands for those before or after it.
        frame: number of the middle frame.
        moment: how much is seen.
        view: what is done to each frame first.
        min_side: as in `Segment.image`.

    Raises:
        DataError: as in `Segment.image`.
        ConfigError: as in `Moment.stack`.
    """
    if moment.is_image:
        return view(segment.image(frame, min_side))
    numbers = _nearest(segment.frame_at, segment.frame_at[frame] + moment.offsets_s * segment.sample_rate)
    images = {number: view(segment.image(number, min_side)) for number in set(numbers)}
    return moment.stack([images[number] for number in numbers])


def middle_frames(segment: Segment, moment: Moment) -> np.ndarray:
    """Numbers of the frames about which all of a moment lies in the segment; of one that is too short, its middle."""
    if moment.is_image:
        return np.arange(len(segment.frames))
    times, offsets = segment.frame_at / segment.sample_rate, moment.offsets_s
    half = moment.apart_s / 2
    inside = (times + offsets[0] >= times[0] - half) & (times + offsets[-1] <= times[-1] + half)
    numbers = np.flatnonzero(inside)
    return numbers if len(numbers) else np.array([len(times) // 2])


def check_frames(source: SegmentSource, moment: Moment, name: str | Path) -> None:
    """Refuses records whose frames lie too far apart for the moments of a network.

    Args:
        source: the segments.
        moment: how much is seen.
        name: of the records, for the refusal.

    Raises:
        DataError: says how to prepare them.
    """
    if moment.is_image:
        return
    segment = source[len(source) // 2]
    apart_s = np.median(np.diff(segment.frame_at)) / segment.sample_rate if len(segment.frames) > 1 else np.inf
    if apart_s > SLACK * max(moment.apart_s, segment.frame_period / segment.sample_rate):
        fps = round(1 / moment.apart_s)
        seen = f"{moment.flow_fields} fields of flow between frames" if moment.flow_fields else "frames"
        reason = f"holds too few frames for a network that sees {seen} at {fps} a second; prepare it with --fps {fps}"
        raise DataError(name, reason)


def _nearest(positions: np.ndarray, wanted: np.ndarray) -> list[int]:
    """Numbers of the ascending positions that are nearest to others."""
    after = np.searchsorted(positions, wanted).clip(1, max(len(positions) - 1, 1))
    if len(positions) == 1:
        return [0] * len(wanted)
    before_is_nearer = wanted - positions[after - 1] <= positions[after] - wanted
    return np.where(before_is_nearer, after - 1, after).tolist()
