"""The moments of a file that are embedded: its image, or evenly spaced frames and clips of sound."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from avnet.apps.inputs import check_track
from avnet.errors import NotMedia, OptionError
from avnet.index.segment import Kind
from avnet.media.audio import iterate_sound
from avnet.media.clips import is_silent, moment_times, spaced_clips
from avnet.media.image import is_image, read_image
from avnet.media.tracks import MediaInfo, probe
from avnet.media.video import video_span
from avnet.moments.walk import moments_on_screen

if TYPE_CHECKING:
    from avnet.correspondence.config import ModelConfig


@dataclass(frozen=True)
class EmbedOptions:
    """Which moments are embedded."""

    every: float = 1.0
    """Seconds from one frame, or one clip of sound, to the next."""

    audio_track: int | None = None
    """Number of the audio track to take of each file, from 1 on. Default: the film's own, no commentary or
    description."""

    def __post_init__(self):
        check_track(self.audio_track)
        if not 0.01 <= self.every <= 3600:
            raise OptionError("every", f"must be from 0.01 to 3600 seconds, got {self.every:g}")


class Sample(NamedTuple):
    """One moment of a file as a network takes it.

    Attributes:
        kind: image or sound.
        time_s: of the frame, or of the middle of the clip, on the container's clock.
        array: uint8 [height, width, channels], or float32 [samples]; None of a clip in which nothing can be heard,
            where such clips are left out.
    """

    kind: Kind
    time_s: float
    array: np.ndarray | None


def read_samples(
    path: Path, config: "ModelConfig", options: EmbedOptions, leave_out_silence: bool = False
) -> Iterator[Sample]:
    """Yields an image, or the frames of a video and then its clips of sound.

    Args:
        path: a local file.
        config: of the model that will embed them.
        options: which moments.
        leave_out_silence: silent clips come without their samples.

    Raises:
        MediaError: the file cannot be read, at its beginning or later.
    """
    if is_image(path):
        yield Sample("image", 0.0, read_image(path))
        return
    info = probe(path, options.audio_track)
    if info.video is None and info.audio is None:
        raise NotMedia(path, "has neither image nor sound")
    if info.video is not None:
        yield from _frames(info, config, options)
    if info.audio is not None:
        sound = iterate_sound(path, config.spectrogram.sample_rate, options.audio_track)
        for time, clip in spaced_clips(sound, config.clip_s, options.every):
            yield Sample("sound", time, None if leave_out_silence and is_silent(clip) else clip)


def _frames(info: MediaInfo, config: "ModelConfig", options: EmbedOptions) -> Iterator[Sample]:
    times = moment_times(*video_span(info), config.clip_s, options.every)
    moments = moments_on_screen(info.path, times, config.moment, config.image_size, audio_track=options.audio_track)
    last = None
    for _, time, image in moments:
        # A slide is one image of the index, not one for every second that it stands.
        if time != last:
            yield Sample("image", time, image)
        last = time
