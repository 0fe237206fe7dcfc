"""Walking through a video for its moments."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avnet.media.video import frames_on_screen
from avnet.moments.moment import Moment


def moments_on_screen(
    path: str | Path,
    times: np.ndarray,
    moment: Moment,
    short_side: int | None = None,
    held_s: float = np.inf,
    audio_track: int | None = None,
) -> Iterator[tuple[slice, float, np.ndarray]]:
    """Walks through a video once and yields what is seen at each time, as `frames_on_screen` yields frames.

    Where a moment's frames lie before the first frame or after the last, these take their places.

    Args:
        path: a local video.
        times: float64 [n] seconds, ascending.
        moment: how much is seen.
        short_side: as in `frames_on_screen`.
        held_s: as in `frames_on_screen`.
        audio_track: as in `frames_on_screen`.

    Yields:
        (slice of `times`, time of the middle frame in seconds, uint8 [height, width, channels]).

    Raises:
        NoVideoTrack, Damaged, MediaError: as in `frames_on_screen`.
        ConfigError: as in `Moment.stack`.
    """
    if moment.is_image:
        yield from frames_on_screen(path, times, short_side, held_s, audio_track)
        return
    offsets = moment.offsets_s
    # The frames of all moments in order of time, and of which moments they are.
    wanted = (times[:, None] + offsets).ravel()
    order = np.argsort(wanted, kind="stable")
    places = np.divmod(order, len(offsets))
    waiting: dict[int, list[np.ndarray]] = {}
    shown: dict[int, float] = {}
    last_s, image = -np.inf, None
    for slots, last_s, image in frames_on_screen(path, wanted[order], short_side, held_s, audio_track):
        for number, place in zip(places[0][slots].tolist(), places[1][slots].tolist(), strict=True):
            frames = waiting.setdefault(number, [])
            frames.append(image)
            if place == moment.middle:
                shown[number] = last_s
            if len(frames) == len(offsets):
                yield slice(number, number + 1), shown.pop(number), moment.stack(waiting.pop(number))
    # At the end of the file the last frame stands for those that would come.
    for number, frames in sorted(waiting.items()):
        if number in shown and image is not None:
            frames += [image] * (len(offsets) - len(frames))
            yield slice(number, number + 1), shown[number], moment.stack(frames)


def moment_at(
    path: str | Path, time_s: float, moment: Moment, short_side: int | None = None, audio_track: int | None = None
) -> tuple[float, np.ndarray]:
    """(time of the middle frame, uint8 [height, width, channels]) of what is seen at a time.

    Raises:
        NoVideoTrack, Damaged, MediaError, ConfigError: as in `moments_on_screen`.
    """
    times = np.array([time_s])
    _, shown_s, array = next(moments_on_screen(path, times, moment, short_side, audio_track=audio_track))
    return shown_s, array
