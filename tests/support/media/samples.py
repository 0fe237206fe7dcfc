"""What is sampled from a whole video in this process, and whether another sampler took the same."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.records.segment import Segment
from data.sampling.config import SamplingConfig
from data.sampling.sampling import VideoSampler
from data.sampling.sandboxed import SampledParts


@dataclass(frozen=True)
class VideoSamples:
    """A whole video in memory; attributes as of `SampledParts`."""

    segments: list[Segment]
    duration_s: float
    note: str
    hashes: list[int]
    audio: str


def sample_video(path: Path, name: str, video: str, config: SamplingConfig) -> VideoSamples:
    """Reads a whole video, as `VideoSampler` does piece by piece, and refuses what it refuses."""
    sampler = VideoSampler(path, name, video, config)
    segments = list(sampler)
    return VideoSamples(segments, sampler.duration_s, sampler.note, sampler.hashes, sampler.audio)


def same_samples(one: VideoSamples, other: SampledParts) -> None:
    """Asserts it, to the bit."""
    segments = list(other.segments)
    assert (one.duration_s, one.note, one.hashes, one.audio) == (
        other.duration_s,
        other.note,
        other.hashes,
        other.audio,
    )
    assert len(one.segments) == len(segments)
    for first, second in zip(one.segments, segments, strict=True):
        values, others = dict(vars(first)), dict(vars(second))
        for name in ("waveform", "frame_at"):
            array, its = values.pop(name), others.pop(name)
            assert array.dtype == its.dtype and np.array_equal(array, its)
        assert values == others
