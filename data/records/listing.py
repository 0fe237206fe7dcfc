"""Fixed lists of pairs for validation and evaluation: nothing is drawn anew, so numbers can be compared."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.audio.pcm import from_pcm
from avnet.errors import ConfigError, DataError
from data.records.pairs import PairConfig, draw_anywhere, draw_mid, square
from data.records.records import open_split
from data.records.segment import Segment, SegmentSource


@dataclass(frozen=True)
class EvaluationPairs:
    """One frame and the sound around it for each video (or segment).

    Attributes:
        names: files as `prepare` was given them.
        videos: hashes of their content.
        times_s: of the frames in the file, seconds.
        images: uint8 [height, width, 3] each.
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
) -> EvaluationPairs:
    """The middle frame of each segment and the clip centred on it.

    Args:
        data_dir: records.
        split: of them.
        clip_samples: length of the sound.
        one_per_video: only the middle segment of each video, as retrieval is measured.
        limit: at most so many, evenly spaced over the list.
        sample_rate: as in `open_split`.

    Raises:
        DataError: the records cannot be read, or their sound has a lower rate.
    """
    source = open_split(data_dir, split, sample_rate)
    indices = _middle_indices(source) if one_per_video else np.arange(len(source))
    segments = (source[int(i)] for i in _spread(indices, limit))
    return _pairs(((segment, len(segment.frames) // 2) for segment in segments), clip_samples)


def moment_pairs(
    data_dir: str | Path, split: str, clip_samples: int, *, limit: int | None = None, sample_rate: int | None = None
) -> EvaluationPairs:
    """As `evaluation_pairs`, of all frames that lie a clip apart: for a split that has a single video.

    Raises:
        DataError: as there.
    """
    source = open_split(data_dir, split, sample_rate)
    moments: list[tuple[int, int]] = []
    for i in range(len(source)):
        last = -clip_samples
        for frame, at in enumerate(source[i].frame_at):
            if at - last >= clip_samples:
                moments.append((i, frame))
                last = int(at)
    selection = _spread(np.arange(len(moments)), limit)
    return _pairs(((source[i], frame) for i, frame in (moments[place] for place in selection)), clip_samples)


def _spread(indices: np.ndarray, limit: int | None) -> np.ndarray:
    """At most so many, evenly spaced."""
    if limit is None or len(indices) <= limit:
        return indices
    return indices[np.linspace(0, len(indices) - 1, limit).round().astype(int)]


def _pairs(moments: Iterable[tuple[Segment, int]], clip_samples: int) -> EvaluationPairs:
    names, videos, times_s, images, sounds = [], [], [], [], []
    for segment, frame in moments:
        names.append(segment.name)
        videos.append(segment.video)
        times_s.append(segment.frame_times[frame])
        images.append(segment.image(frame))
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
        images: uint8 [height, width, 3] each.
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

    Raises:
        DataError: the records cannot be read, are all of one video, or their sound has a lower rate.
        ConfigError: the seed is negative.
    """
    if seed < 0:
        raise ConfigError("--seed", f"must be at least 0, got {seed}")
    source = open_split(data_dir, split, sample_rate)
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
        image = segment.image(frame)
        images += [image, image]
        sounds.append(segment.clip(positive, clip_samples))
        sounds.append(other.clip(negative if snap else anywhere, clip_samples))
        labels += [1, 0]
        names += [(segment.name, segment.name), (segment.name, other.name)]
    return CorrespondencePairs(images, from_pcm(np.stack(sounds)), np.array(labels), names)


def to_canvas(images: list[np.ndarray], side: int) -> np.ndarray:
    """The middle squares of images, uint8 [n, side, side, 3]."""
    return np.stack([square(image, side, 0.5) for image in images])
