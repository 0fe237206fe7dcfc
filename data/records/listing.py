"""Fixed lists of pairs for validation and evaluation: nothing is drawn anew, so numbers can be compared."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.audio.pcm import from_pcm
from avnet.correspondence.config import ModelConfig
from avnet.errors import ConfigError, DataError
from avnet.moments.moment import IMAGE, Moment
from data.records.moments import check_frames, moment_of
from data.records.pairs import PairConfig, draw_anywhere, draw_mid, square
from data.records.records import open_split
from data.records.segment import Segment, SegmentSource


@dataclass(frozen=True)
class View:
    """What is seen of a moment.

    Attributes:
        moment: how much of it.
        side: of more than one image, the middle square at so many pixels; whole, they would fill the memory.
    """

    moment: Moment = IMAGE
    side: int = 224

    @classmethod
    def of_network(cls, config: ModelConfig) -> "View":
        """That of a network."""
        return cls(config.moment, config.image_size)

    def of(self, segment: Segment, frame: int) -> np.ndarray:
        """About a frame of a segment, uint8 [height, width, channels]."""
        if self.moment.is_image:
            return segment.image(frame)
        return moment_of(segment, frame, self.moment, lambda image: square(image, self.side, 0.5))


WHOLE = View()


@dataclass(frozen=True)
class EvaluationPairs:
    """One frame and the sound around it for each video (or segment).

    Attributes:
        names: files as `prepare` was given them.
        videos: hashes of their content.
        times_s: of the frames in the file, seconds.
        images: uint8 [height, width, channels] each.
        waveforms: float32 [n, samples].
    """

    names: list[str]
    videos: list[str]
    times_s: np.ndarray
    images: list[np.ndarray]
    waveforms: np.ndarray


def evaluation_pairs(
    data_dir: str | Path,
    split: str,
    clip_samples: int,
    *,
    one_per_video: bool = True,
    limit: int | None = None,
    sample_rate: int | None = None,
    view: View = WHOLE,
) -> EvaluationPairs:
    """The middle frame of each segment and the clip centred on it.

    Args:
        data_dir: records.
        split: of them.
        clip_samples: length of the sound.
        one_per_video: only the middle segment of each video, as retrieval is measured.
        limit: at most so many, evenly spaced over the list.
        sample_rate: as in `open_split`.
        view: what is seen of each moment.

    Raises:
        DataError: the records cannot be read, their sound has a lower rate, or they have too few frames.
    """
    source = open_split(data_dir, split, sample_rate)
    check_frames(source, view.moment, data_dir)
    indices = _middle_indices(source) if one_per_video else np.arange(len(source))
    segments = (source[int(i)] for i in _spread(indices, limit))
    return _pairs(((segment, len(segment.frames) // 2) for segment in segments), clip_samples, view)


def moment_pairs(
    data_dir: str | Path,
    split: str,
    clip_samples: int,
    *,
    limit: int | None = None,
    sample_rate: int | None = None,
    view: View = WHOLE,
) -> EvaluationPairs:
    """As `evaluation_pairs`, of all frames that lie a clip apart: for a split that has a single video.

    Raises:
        DataError: as there.
    """
    source = open_split(data_dir, split, sample_rate)
    check_frames(source, view.moment, data_dir)
    moments: list[tuple[int, int]] = []
    for i in range(len(source)):
        last = -clip_samples
        for frame, at in enumerate(source[i].frame_at):
            if at - last >= clip_samples:
                moments.append((i, frame))
                last = int(at)
    selection = _spread(np.arange(len(moments)), limit)
    return _pairs(((source[i], frame) for i, frame in (moments[place] for place in selection)), clip_samples, view)


def _spread(indices: np.ndarray, limit: int | None) -> np.ndarray:
    """At most so many, evenly spaced."""
    if limit is None or len(indices) <= limit:
        return indices
    return indices[np.linspace(0, len(indices) - 1, limit).round().astype(int)]


def _pairs(moments: Iterable[tuple[Segment, int]], clip_samples: int, view: View) -> EvaluationPairs:
    names, videos, times_s, images, sounds = [], [], [], [], []
    for segment, frame in moments:
        names.append(segment.name)
        videos.append(segment.video)
        times_s.append(segment.frame_times[frame])
        images.append(view.of(segment, frame))
        sounds.append(segment.clip(int(segment.frame_at[frame]), clip_samples))
    return EvaluationPairs(names, videos, np.array(times_s), images, from_pcm(np.stack(sounds)))


def _middle_indices(source: SegmentSource) -> np.ndarray:
    """The middle segment of each video."""
    by_video: dict[str, list[int]] = {}
    for i in range(len(source)):
        by_video.setdefault(source[i].video, []).append(i)
    return np.array([group[len(group) // 2] for group in by_video.values()])


@dataclass(frozen=True)
class CorrespondencePairs:
    """Half matching, half mismatched pairs for the AVC task.

    Attributes:
        images: uint8 [height, width, channels] each.
        waveforms: float32 [n, samples].
        labels: int64 [n], 1 where image and sound are of one video.
        names: (image's file, sound's file) each.
    """

    images: list[np.ndarray]
    waveforms: np.ndarray
    labels: np.ndarray
    names: list[tuple[str, str]]


def correspondence_pairs(
    data_dir: str | Path,
    split: str,
    clip_samples: int,
    *,
    snap: bool = True,
    seed: int = 0,
    sample_rate: int | None = None,
    view: View = WHOLE,
) -> CorrespondencePairs:
    """For each segment its middle frame with its own sound, and with the sound of another video.

    Both sounds are misaligned by up to a second, as in training; the negatives' mid-points lie on the frame grid unless
    `snap` is False.

    Args:
        data_dir: records.
        split: of them.
        clip_samples: length of the sound.
        snap: see `data.records.pairs`.
        seed: of the fixed draw.
        sample_rate: as in `open_split`.
        view: what is seen of each moment.

    Raises:
        DataError: the records cannot be read, are all of one video, their sound has a lower rate, or they have too
            few frames.
        ConfigError: the seed is negative.
    """
    if seed < 0:
        raise ConfigError("--seed", f"must be at least 0, got {seed}")
    source = open_split(data_dir, split, sample_rate)
    check_frames(source, view.moment, data_dir)
    videos = np.array([source[i].video for i in range(len(source))])
    if len(set(videos)) < 2:
        raise DataError(data_dir, f"the split {split!r} has a single video; a mismatched pair needs two")
    # Only sound is drawn by it, so its canvas does not matter.
    config = PairConfig(clip_samples, canvas=16)
    images, sounds, labels, names = [], [], [], []
    for i in range(len(source)):
        segment = source[i]
        rng = np.random.default_rng([seed, zlib.crc32(f"{segment.video}{segment.start_s}".encode())])
        frame = len(segment.frames) // 2
        others = np.flatnonzero(videos != segment.video)
        other = source[int(others[rng.integers(len(others))])]
        positive = draw_mid(segment, frame, rng, config)
        negative = draw_mid(other, len(other.frames) // 2, rng, config)
        # Drawn in either case, so that lists with and without `snap` differ in nothing else.
        anywhere = draw_anywhere(other, rng, config)
        image = view.of(segment, frame)
        images += [image, image]
        sounds.append(segment.clip(positive, clip_samples))
        sounds.append(other.clip(negative if snap else anywhere, clip_samples))
        labels += [1, 0]
        names += [(segment.name, segment.name), (segment.name, other.name)]
    return CorrespondencePairs(images, from_pcm(np.stack(sounds)), np.array(labels), names)


def to_canvas(images: list[np.ndarray], side: int) -> np.ndarray:
    """The middle squares of images, uint8 [n, side, side, channels]."""
    return np.stack([square(image, side, 0.5) for image in images])
