"""Embeddings of images, and of the evenly spaced frames and clips of videos and sounds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from avnet.apps.inputs import check_track, find_media, open_model_for, refuse_all
from avnet.correspondence.kinds import models_that
from avnet.errors import AvnetError, MediaError, NotMedia, OptionError
from avnet.events import LeftOut, Listener, nobody, steps
from avnet.files.whole import whole_file
from avnet.index.segment import Kind
from avnet.media.audio import iterate_sound
from avnet.media.clips import is_silent, moment_times, spaced_clips
from avnet.media.image import is_image, read_image
from avnet.media.tracks import MediaInfo, probe
from avnet.media.video import video_span
from avnet.moments.moment import Moment
from avnet.moments.walk import moments_on_screen

if TYPE_CHECKING:
    from avnet.correspondence.model import Model

# Moments embedded at once; so many images are held in memory, or as many channels of more than images.
BATCH = 64
T = TypeVar("T")


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


@dataclass(frozen=True)
class Moments:
    """The embeddings of one file.

    Attributes:
        embeddings: float32 [n, features].
        times: float64 [n], of each frame and of the middle of each clip, seconds.
        kinds: n, what was embedded.
        silent: clips that were left out because nothing can be heard in them.
    """

    embeddings: np.ndarray
    times: np.ndarray
    kinds: list[Kind]
    silent: int = 0


@dataclass(frozen=True)
class Embeddings:
    """The embeddings of many files.

    Attributes:
        vectors: float32 [n, features].
        files: n paths, of the file that each comes from.
        times: float64 [n], of each frame and of the middle of each clip, seconds.
        kinds: n, what was embedded.
        fingerprint: of the model.
        refusals: why files were left out.
    """

    vectors: np.ndarray
    files: list[str]
    times: np.ndarray
    kinds: list[Kind]
    fingerprint: str
    refusals: tuple[AvnetError, ...]

    def save(self, file: Path) -> None:
        """Writes an .npz file of the arrays embeddings, path, time_s, kind and model.

        Raises:
            AvnetError: it cannot be written.
        """
        with whole_file(file) as temporary, temporary.open("wb") as stream:
            np.savez(
                stream,
                embeddings=self.vectors,
                path=np.array(self.files),
                time_s=self.times,
                kind=np.array(self.kinds),
                model=np.array(self.fingerprint),
            )


def embed(
    model: "str | Path | Model",
    inputs: Iterable[str | Path],
    options: EmbedOptions | None = None,
    on_event: Listener = nobody,
) -> Embeddings:
    """Embeds images, and the frames and clips of videos and sounds.

    Args:
        model: one that has an embedding of an image, or its folder.
        inputs: files, and folders that are searched for them.
        options: which moments.
        on_event: is told of progress and of what is left out.

    Raises:
        AvnetError: the model or all of the inputs cannot be used.
    """
    options = options or EmbedOptions()
    files, others = find_media(inputs)
    reason = f"has no single embedding for an image; embed takes {models_that(lambda kind: kind.one_vector)}"
    model = open_model_for(model, lambda kind: None if kind.one_vector else reason)
    parts: list[Moments] = []
    names: list[str] = []
    refusals: list[AvnetError] = list(others)
    total = len(files) + len(refusals)
    for error in refusals:
        on_event(LeftOut(error))
    for file in steps(files, "embedding", len(files), "files", on_event):
        try:
            parts.append(embed_moments(model, file, options))
        except MediaError as error:
            refusals.append(error)
            if total > 1:  # else it is the reason why all is refused, and said once
                on_event(LeftOut(error))
            continue
        names += [str(file)] * len(parts[-1].times)
    # What was read says more of why nothing came of it than what lay beside it.
    refuse_all(refusals[len(others) :] + refusals[: len(others)], total)
    whole = _concatenate(parts)
    return Embeddings(whole.embeddings, names, whole.times, whole.kinds, model.fingerprint, tuple(refusals))


def embed_moments(model: "Model", path: Path, options: EmbedOptions, leave_out_silence: bool = False) -> Moments:
    """Embeds an image, or the frames and clips of a video or sound.

    Args:
        model: one that has an embedding of an image.
        path: a local file.
        options: which moments.
        leave_out_silence: silent clips are counted instead of embedded.

    Raises:
        MediaError: the file cannot be read.
    """
    if is_image(path):
        return Moments(model.embed_images([read_image(path)]), np.zeros(1), ["image"])
    info = probe(path, options.audio_track)
    parts = []
    if info.video is not None:
        parts.append(_embed_frames(model, info, options))
    if info.audio is not None:
        parts.append(_embed_clips(model, path, options, leave_out_silence))
    if not parts:
        raise NotMedia(path, "has neither image nor sound")
    return _concatenate(parts)


def _concatenate(parts: Sequence[Moments]) -> Moments:
    return Moments(
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.times for part in parts]),
        [kind for part in parts for kind in part.kinds],
        sum(part.silent for part in parts),
    )


def _embed_frames(model: "Model", info: MediaInfo, options: EmbedOptions) -> Moments:
    moments = moment_times(*video_span(info), model.config.clip_s, options.every)
    times, vectors = [], []
    seen = model.config.moment
    frames = _distinct_frames(info.path, moments, seen, model.config.image_size, options.audio_track)
    for batch in _batches(frames, max(1, 3 * BATCH // seen.channels)):
        times += [time for time, _ in batch]
        vectors.append(model.embed_images([image for _, image in batch]))
    return Moments(np.concatenate(vectors), np.array(times), ["image"] * len(times))


def _embed_clips(model: "Model", path: Path, options: EmbedOptions, leave_out_silence: bool) -> Moments:
    clip_s = model.config.clip_s
    parts = iterate_sound(path, model.config.spectrogram.sample_rate, options.audio_track)
    times, silent = [], 0

    def audible() -> Iterator[np.ndarray]:
        nonlocal silent
        for time, clip in spaced_clips(parts, clip_s, options.every):
            if leave_out_silence and is_silent(clip):
                silent += 1
            else:
                times.append(time)
                yield clip

    vectors = [model.embed_waveforms(np.stack(batch)) for batch in _batches(audible())]
    # A sound that is silent throughout leaves no vector, and NumPy concatenates no empty list.
    nothing = np.zeros((0, model.config.features), np.float32)
    embeddings = np.concatenate(vectors) if vectors else nothing
    return Moments(embeddings, np.array(times, np.float64), ["sound"] * len(times), silent)


def _distinct_frames(
    path: Path, times: np.ndarray, seen: Moment, short_side: int, track: int | None
) -> Iterator[tuple[float, np.ndarray]]:
    """Each frame once, however long it stays on screen."""
    last = None
    # A slide is one image of the index, not one for every second that it stands.
    for _, time, image in moments_on_screen(path, times, seen, short_side, audio_track=track):
        if time != last:
            yield time, image
        last = time


def _batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
