"""What is searched by, and what is found."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.apps.inputs import is_picture
from avnet.apps.moments import clip_about, is_silent, loudest_time, video_span
from avnet.config import ModelConfig
from avnet.errors import ConfigError, NotMedia, NoVideoTrack, Silent
from avnet.index.index import Hit
from avnet.index.segment import Kind
from avnet.media.audio import read_waveform
from avnet.media.container import probe
from avnet.media.image import read_image
from avnet.media.video import read_frames


@dataclass(frozen=True)
class Query:
    """What is searched by.

    Attributes:
        file: where it comes from.
        time_s: of the frame, or of the middle of the clip.
        kind: what it is.
        content: uint8 picture [height, width, 3], or float32 clip [samples].
    """

    file: Path
    time_s: float
    kind: Kind
    content: np.ndarray


@dataclass(frozen=True)
class Found:
    """A hit.

    Attributes:
        rank: from 1.
        hit: what the index gave.
        probability: that picture and sound belong together, in [0, 1]; None between two of a kind.
    """

    rank: int
    hit: Hit
    probability: float | None


def image_query(path: Path) -> Query:
    """A picture.

    Raises:
        MediaError: it cannot be read.
    """
    return Query(path, 0.0, "image", read_image(path))


def sound_query(path: Path, config: ModelConfig, at: float | None) -> Query:
    """A clip of a file's sound, the loudest one unless a time is given.

    Raises:
        Silent: nothing can be heard then.
        ConfigError: the time lies outside the sound.
        MediaError: the file cannot be read.
    """
    sound, clip_s = read_waveform(path, config.spectrogram.sample_rate), config.clip_s
    if at is not None and not sound.start_s <= at <= sound.end_s:
        raise ConfigError("--at", f"wants {sound.start_s:.2f} to {sound.end_s:.2f} s, got {at:g}")
    mid_s = loudest_time(sound, clip_s) if at is None else at
    clip = clip_about(sound, mid_s, clip_s)
    if is_silent(clip):
        raise Silent(path, f"is silent at {mid_s:.2f} s; there is nothing to search by")
    return Query(path, mid_s, "sound", clip)


def video_queries(path: Path, config: ModelConfig, at: float | None) -> list[Query]:
    """A frame of a video and the sound about it, unless it has none then.

    Without a time, it is taken at its loudest clip, or in its middle where it has no sound.

    Raises:
        NoVideoTrack: there is no picture.
        ConfigError: the time lies outside the video.
        MediaError: the file cannot be read.
    """
    if is_picture(path):
        raise NotMedia(path, "is a picture; search by it with --image")
    info = probe(path)
    if info.video is None:
        raise NoVideoTrack(path, "has no video track; search by its sound with --sound")
    start, end = video_span(info)
    if at is not None and not start <= at <= end:
        raise ConfigError("--at", f"wants {start:.2f} to {end:.2f} s, got {at:g}")
    sound = read_waveform(path, config.spectrogram.sample_rate) if info.audio is not None else None
    if at is None:
        at = (start + end) / 2 if sound is None else loudest_time(sound, config.clip_s)
    frames = read_frames(path, [at])
    queries = [Query(path, float(frames.times[0]), "image", frames.images[0])]
    if sound is not None and not is_silent(clip := clip_about(sound, at, config.clip_s)):
        queries.append(Query(path, at, "sound", clip))
    return queries
