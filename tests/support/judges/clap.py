"""A clap: a flash and a click at one moment, and how far apart they are in what is kept of a video."""

from pathlib import Path

import numpy as np
from media.media_files import click, flash, make_video
from media.samples import VideoSamples, sample_video

from data.records.jpeg import decode_jpeg
from data.sampling.config import SamplingConfig

RATE = 48_000


def make_clap(path: Path, at_s: float, seconds: float, click_s: float | None = None, **options) -> Path:
    """A dark image that turns white when a click is heard.

    Args:
        path: the file.
        at_s: of the flash; the start of a frame.
        seconds: length.
        click_s: where the click is, if not where the flash is; an edit list will bring them together.
        options: of `make_video`.
    """
    return make_video(path, seconds, flash(at_s), click(click_s or at_s), **options)


def sample_clap(path: Path) -> VideoSamples:
    """Every frame of 25 a second."""
    return sample_video(path, path.name, "0" * 64, SamplingConfig(fps=25.0, short_side=16))


def sound_minus_frame(samples: VideoSamples) -> float:
    """Seconds by which the click comes after the first white frame."""
    (segment,) = samples.segments
    white = [decode_jpeg(jpeg).mean() > 120 for jpeg in segment.frames]
    frame = white.index(True)
    assert frame > 0
    loud = np.abs(segment.clip(int(segment.frame_at[frame]), RATE)) > 0.2 * 32767
    assert loud.any()
    return (int(np.argmax(loud)) - RATE // 2) / RATE
