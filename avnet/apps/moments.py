"""The moments of a file, as evenly spaced frames and clips of sound, and their embeddings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from avnet.apps.inputs import is_picture
from avnet.errors import NotMedia
from avnet.index.segment import Kind
from avnet.media.audio import Waveform, read_waveform
from avnet.media.container import MediaInfo, probe
from avnet.media.image import read_image
from avnet.media.video import frames_on_screen, iterate_frames

if TYPE_CHECKING:
    from avnet.correspondence.model import Model

SILENCE_DBFS = -60.0
# Moments embedded at once; so many pictures are held in memory.
BATCH = 64
T = TypeVar("T")


@dataclass(frozen=True)
class Moments:
    """Embeddings of one file.

    Attributes:
        embeddings: float32 [n, features].
        times: float64 [n], of each frame and of the middle of each clip, seconds.
        kinds: n, what was embedded.
        silent: clips that were left out because nothing can be heard in them.
    """

    embeddings: np.ndarray
    times: np.ndarray
    kinds: list[Kind]
    silent: int


def embed_moments(model: "Model", path: Path, every_s: float, leave_out_silence: bool) -> Moments:
    """Embeds a picture, or the frames and clips of a video or sound.

    Args:
        model: AVE-Net or L3-Net.
        path: a local file.
        every_s: seconds between moments.
        leave_out_silence: clips below `SILENCE_DBFS` are counted instead of embedded.

    Raises:
        MediaError: the file cannot be read.
    """
    if is_picture(path):
        return Moments(model.embed_images([read_image(path)]), np.zeros(1), ["image"], 0)
    info = probe(path)
    parts = []
    if info.video is not None:
        parts.append(_embed_frames(model, info, every_s))
    if info.audio is not None:
        parts.append(_embed_clips(model, path, every_s, leave_out_silence))
    if not parts:
        raise NotMedia(path, "has neither picture nor sound")
    return Moments(
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.times for part in parts]),
        [kind for part in parts for kind in part.kinds],
        sum(part.silent for part in parts),
    )


def _embed_frames(model: "Model", info: MediaInfo, every_s: float) -> Moments:
    wanted = moment_times(*video_span(info), model.config.clip_s, every_s)
    times, vectors = [], []
    for batch in _batches(_distinct_frames(info.path, wanted, model.config.image_size)):
        times += [time for time, _ in batch]
        vectors.append(model.embed_images([picture for _, picture in batch]))
    return Moments(np.concatenate(vectors), np.array(times), ["image"] * len(times), 0)


def _embed_clips(model: "Model", path: Path, every_s: float, leave_out_silence: bool) -> Moments:
    clip_s = model.config.clip_s
    sound = read_waveform(path, model.config.spectrogram.sample_rate)
    wanted = moment_times(sound.start_s, sound.end_s, clip_s, every_s).tolist()
    times = [time for time in wanted if not (leave_out_silence and is_silent(sound.cut(time, clip_s)))]
    clips = ([sound.cut(time, clip_s) for time in batch] for batch in _batches(times))
    vectors = [model.embed_waveforms(np.stack(batch)) for batch in clips]
    nothing = np.zeros((0, model.config.features), np.float32)
    embeddings = np.concatenate(vectors) if vectors else nothing
    return Moments(embeddings, np.array(times, np.float64), ["sound"] * len(times), len(wanted) - len(times))


def moment_times(start_s: float, end_s: float, clip_s: float, every_s: float) -> np.ndarray:
    """Evenly spaced times [n] with half a clip on either side; the middle where a clip does not fit."""
    spare = end_s - start_s - clip_s
    if spare <= 0:
        return np.array([(start_s + end_s) / 2])
    return start_s + clip_s / 2 + every_s * np.arange(int(spare / every_s + 1e-6) + 1)


def video_span(info: MediaInfo) -> tuple[float, float]:
    """When the picture begins and ends, seconds; a file that does not say is read through.

    Raises:
        MediaError: the file has to be read and cannot.
    """
    video = info.video
    assert video is not None
    if video.duration_s > 0:
        return video.start_s, video.start_s + video.duration_s
    times = [time for time, _ in iterate_frames(info.path, short_side=16)] or [video.start_s]
    return times[0], times[-1] + video.frame_period_s


def clip_about(sound: Waveform, time_s: float, clip_s: float) -> np.ndarray:
    """The clip centred on a time, moved inwards at either end of the sound; silence where there is none.

    Half a clip of padding would be a sight that no network saw in training.
    """
    if sound.start_s <= time_s <= sound.end_s and sound.end_s - sound.start_s >= clip_s:
        time_s = min(max(time_s, sound.start_s + clip_s / 2), sound.end_s - clip_s / 2)
    return sound.cut(time_s, clip_s)


def loudest_time(sound: Waveform, clip_s: float) -> float:
    """The middle of the loudest clip, to a tenth of a clip; seconds on the container's clock."""
    times = moment_times(sound.start_s, sound.end_s, clip_s, clip_s / 10)
    power = [float(np.mean(np.square(sound.cut(time, clip_s)))) for time in times]
    return float(times[int(np.argmax(power))])


def is_silent(clip: np.ndarray) -> bool:
    """Whether a clip lies below `SILENCE_DBFS`, by its mean power relative to full scale."""
    return float(np.mean(np.square(clip))) < 10 ** (SILENCE_DBFS / 10)


def _distinct_frames(path: Path, times: np.ndarray, short_side: int) -> Iterator[tuple[float, np.ndarray]]:
    """Each picture once, however long it stays on screen."""
    last = None
    for _, time, picture in frames_on_screen(path, times, short_side):
        if time != last:
            yield time, picture
        last = time


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
