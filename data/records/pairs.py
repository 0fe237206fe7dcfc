"""Which frame goes with which second of sound: the papers' sampling, as a function of (seed, index).

Positive: a random frame of a segment and the clip around it, misaligned by up to a second. Negative: frame and sound of
two different videos. The mid-points of all sounds lie on their own video's frame grid. If negatives were cut anywhere,
the network would learn to spot that alignment by its traces in the sound instead of looking at the image.

Reference: Arandjelovic and Zisserman, "Objects that Sound", 2018, section 3.1 ("Preventing shortcuts").
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from avnet.errors import ConfigError, DataError
from avnet.moments.moment import IMAGE, Moment
from data.records.moments import middle_frames, moment_of
from data.records.segment import Segment, SegmentSource

# Where nearly all segments are of one video, drawing another one would never end.
MAX_DRAWS = 100


@dataclass(frozen=True)
class PairConfig:
    """How pairs are drawn.

    Attributes:
        clip_samples: length of the sound.
        canvas: side of the square image that leaves the loader, pixels; augmentation crops from it.
        misalignment_s: largest shift between the frame and the mid-point of the sound, seconds.
        negatives: share of pairs whose sound is from another video.
        snap: mid-points of negatives lie on the frame grid; False reproduces the shortcut.
        moment: how much is seen of a moment.
    """

    clip_samples: int
    canvas: int
    misalignment_s: float = 1.0
    negatives: float = 0.5
    snap: bool = True
    moment: Moment = IMAGE

    def __post_init__(self):
        if not 0 <= self.negatives <= 1:
            raise ConfigError("negatives", f"must be from 0 to 1, got {self.negatives}")
        if self.misalignment_s < 0:
            raise ConfigError("misalignment_s", f"must be at least 0, got {self.misalignment_s}")


def canvas_of(image_size: int) -> int:
    """Side of the square image from which a crop of `image_size` pixels is taken: the papers' 256 for 224."""
    return round(image_size * 256 / 224)


@dataclass(frozen=True)
class Pair:
    """A frame, or more of a moment, with a second of sound.

    Attributes:
        image: uint8 [canvas, canvas, channels].
        waveform: int16 [clip_samples].
        label: 1 where both are of one video, else 0.
        video: the image's video, the first 31 bits of its hash; equal numbers are no negatives.
    """

    image: np.ndarray
    waveform: np.ndarray
    label: int
    video: int


def draw_pair(source: SegmentSource, index: int, rng: np.random.Generator, config: PairConfig) -> Pair:
    """Draws the pair of segment `index`.

    Args:
        source: the segments of a split.
        index: of the segment that gives the image.
        rng: made from (seed, index).
        config: how.

    Raises:
        DataError: no other video was found for a negative.
    """
    segment = source[index]
    frames = middle_frames(segment, config.moment)
    frame = int(frames[rng.integers(len(frames))])
    place = float(rng.random())
    # The same square of all frames, and motion within it.
    image = moment_of(
        segment, frame, config.moment, lambda image: square(image, config.canvas, place), min_side=config.canvas
    )
    label = int(rng.random() >= config.negatives)
    if label:
        mid = draw_mid(segment, frame, rng, config)
        waveform = segment.clip(mid, config.clip_samples)
    else:
        other = draw_other(source, segment, rng)
        frame = int(rng.integers(len(other.frames)))
        mid = draw_mid(other, frame, rng, config)
        if not config.snap:
            mid = draw_anywhere(other, rng, config)
        waveform = other.clip(mid, config.clip_samples)
    return Pair(image, waveform, label, video_number(segment))


def draw_other(source: SegmentSource, segment: Segment, rng: np.random.Generator) -> Segment:
    """A random segment of another video."""
    for _ in range(MAX_DRAWS):
        other = source[int(rng.integers(len(source)))]
        if other.video != segment.video:
            return other
    raise DataError(segment.name, "nearly all records are of this one video; negatives need other videos")


def draw_mid(segment: Segment, frame: int, rng: np.random.Generator, config: PairConfig) -> int:
    """A sample on the frame grid within the misalignment, such that the clip lies inside the segment if one can."""
    at, half = int(segment.frame_at[frame]), config.clip_samples // 2
    reach = config.misalignment_s * segment.sample_rate
    low = max(-reach, half - at) / segment.frame_period
    high = min(reach, len(segment.waveform) - half - at) / segment.frame_period
    first, last = int(np.ceil(low)), int(np.floor(high))
    steps = int(rng.integers(first, last + 1)) if last >= first else 0
    return at + round(steps * segment.frame_period)


def draw_anywhere(segment: Segment, rng: np.random.Generator, config: PairConfig) -> int:
    """Any sample around which the clip lies inside the segment: off the frame grid, which is the shortcut."""
    half = config.clip_samples // 2
    return int(rng.integers(half, max(len(segment.waveform) - half, half) + 1))


def square(image: np.ndarray, side: int, position: float) -> np.ndarray:
    """A square window of an image, scaled.

    Args:
        image: uint8 [height, width, 3].
        side: of the result, pixels.
        position: of the window along the image's long side, in [0, 1].

    Returns:
        uint8 [side, side, 3].
    """
    height, width = image.shape[:2]
    short = min(height, width)
    top, left = round((height - short) * position), round((width - short) * position)
    window = image[top : top + short, left : left + short]
    if short == side:
        return window
    return np.asarray(Image.fromarray(window).resize((side, side), Image.Resampling.BILINEAR))


def video_number(segment: Segment) -> int:
    """The video's hash as a number that fits int32."""
    # Without the sign bit.
    return int(segment.video[:8], 16) & 0x7FFFFFFF
