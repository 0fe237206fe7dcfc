"""What is in a composed clip: backgrounds, where things are and how they move.

Pure functions of a NumPy generator. Lengths are pixels of the frame, x to the right and y down.
"""

import colorsys
from dataclasses import dataclass

import numpy as np
from PIL import Image

# The longer side of an object as a share of the frame's shorter side.
OBJECT_SIDE = (0.38, 0.62)
# Change of size over a clip.
OBJECT_ZOOM = (0.88, 1.14)
# Way over a clip, as a share of the frame's shorter side.
OBJECT_WAY = (0.03, 0.25)
# Shared area that two objects may have, as a share of the smaller one.
MAX_OVERLAP = 0.08
TRIES = 80
# The part of a photo that fills the frame, as a share of the largest crop, and how it changes over a clip.
CROP_SHARE = (0.85, 1.0)
CROP_ZOOM = (0.85, 1.18)


@dataclass(frozen=True)
class Track:
    """A rectangle that moves and scales evenly from one place to another.

    Attributes:
        start: x, y, width, height at the first frame.
        end: the same at the last frame.
    """

    start: tuple[float, float, float, float]
    end: tuple[float, float, float, float]

    def at(self, frames: int) -> np.ndarray:
        """float64 [frames, 4]: x, y, width, height at every frame."""
        share = np.linspace(0.0, 1.0, frames)[:, None]
        return (1.0 - share) * np.array(self.start) + share * np.array(self.end)

    def pixels(self, frames: int, width: int, height: int) -> np.ndarray:
        """Int [frames, 4]: the same in whole pixels, at least 2 each way, inside a frame of that size."""
        boxes = np.rint(self.at(frames)).astype(int)
        size = np.clip(boxes[:, 2:], 2, (width, height))
        return np.concatenate([np.clip(boxes[:, :2], 0, np.array([width, height]) - size), size], axis=1)


def place(rng: np.random.Generator, aspects: list[float], width: int, height: int) -> list[Track]:
    """Draws places for objects that hardly cover each other.

    Args:
        rng: the source of chance.
        aspects: width over height of every object.
        width: of the frame, pixels.
        height: of the frame, pixels.

    Returns:
        One track for every object, inside the frame throughout; without room, the try that overlaps least.
    """
    tracks: list[Track] = []
    for aspect in aspects:
        best, least = None, np.inf
        for attempt in range(TRIES):
            # The later half of the tries makes the object smaller and smaller, down to the least size.
            crowding = max(0.0, 2.0 * attempt / TRIES - 1.0)
            track = _object_track(rng, aspect, width, height, crowding)
            overlap = max((_overlap(track, other) for other in tracks), default=0.0)
            if overlap < least:
                best, least = track, overlap
            if least <= MAX_OVERLAP:
                break
        assert best is not None
        tracks.append(best)
    return tracks


def _object_track(rng: np.random.Generator, aspect: float, width: int, height: int, crowding: float) -> Track:
    low, high = OBJECT_SIDE
    side = min(width, height)
    longer = side * rng.uniform(low, high + (low - high) * crowding)
    unit = np.array([1.0, 1.0 / aspect]) if aspect >= 1 else np.array([aspect, 1.0])
    size = longer * unit
    end_size = np.minimum(longer * rng.uniform(*OBJECT_ZOOM), side) * unit
    room = np.array([width, height], float)
    start = rng.uniform(size / 2, room - size / 2)
    angle = rng.uniform(0.0, 2.0 * np.pi)
    way = side * rng.uniform(*OBJECT_WAY) * np.array([np.cos(angle), np.sin(angle)])
    end = np.clip(start + way, end_size / 2, room - end_size / 2)
    return Track((*(start - size / 2), *size), (*(end - end_size / 2), *end_size))


def _overlap(one: Track, other: Track) -> float:
    """The largest shared area over the clip, as a share of the smaller rectangle."""
    # Both move evenly, so a few moments show how near they come.
    a, b = one.at(9), other.at(9)
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    common = np.prod(np.maximum(high - low, 0.0), axis=1)
    return float(np.max(common / np.minimum(a[:, 2:].prod(1), b[:, 2:].prod(1))))


def crop(rng: np.random.Generator, photo: tuple[int, int], width: int, height: int) -> Track:
    """Draws the part of a photo that fills the frame: a random crop with a slow zoom and pan.

    Args:
        rng: the source of chance.
        photo: width and height of the photo, pixels.
        width: of the frame, pixels.
        height: of the frame, pixels.

    Returns:
        A track in the photo's own pixels, with the frame's aspect, inside the photo.
    """
    room = np.array(photo, float)
    largest = np.array([width, height], float) * min(room[0] / width, room[1] / height)
    share = rng.uniform(*CROP_SHARE)
    end_share = min(share * rng.uniform(*CROP_ZOOM), 1.0)
    size, end_size = share * largest, end_share * largest
    start = rng.uniform(size / 2, np.maximum(room - size / 2, size / 2))
    way = rng.uniform(-0.1, 0.1, 2) * largest
    end = np.clip(start + way, end_size / 2, room - end_size / 2)
    return Track((*(start - size / 2), *size), (*(end - end_size / 2), *end_size))


def background(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Draws a background: a gradient, clouds of one or all colours, stripes or checks, dark to bright.

    Returns:
        uint8 RGB [height, width, 3].
    """
    kind = rng.integers(5)
    colours = np.array([_colour(rng) for _ in range(3)])
    if kind == 1:  # clouds of all colours
        image = 255.0 * np.stack([_clouds(rng, width, height) for _ in range(3)], axis=-1)
        image = image * rng.uniform(0.3, 1.0) + (255.0 - image) * rng.uniform(0.0, 0.2)
    else:
        pattern = {0: _gradient, 2: _stripes, 3: _checks, 4: _clouds}[int(kind)](rng, width, height)
        image = colours[0] + pattern[..., None] * (colours[1] - colours[0])
    second = _gradient(rng, width, height)[..., None] * rng.uniform(0.0, 0.6)
    image = image * (1.0 - second) + colours[2] * second
    grain = rng.normal(0.0, rng.uniform(0.0, 5.0), (height, width, 1))
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def _colour(rng: np.random.Generator) -> np.ndarray:
    return 255.0 * np.array(colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(0.0, 1.0), rng.uniform(0.08, 1.0)))


def _ramp(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Distance along a random direction, in units of the frame's shorter side."""
    angle = rng.uniform(0.0, 2.0 * np.pi)
    y, x = np.mgrid[:height, :width] / min(width, height)
    return np.cos(angle) * x + np.sin(angle) * y


def _gradient(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    ramp = _ramp(rng, width, height)
    return (ramp - ramp.min()) / max(float(np.ptp(ramp)), 1e-9)


def _stripes(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    wave = np.sin(2.0 * np.pi * (_ramp(rng, width, height) * rng.uniform(2.0, 14.0) + rng.uniform()))
    return 0.5 + 0.5 * np.clip(wave * rng.uniform(1.0, 6.0), -1.0, 1.0)


def _checks(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    return np.abs(_stripes(rng, width, height) - _stripes(rng, width, height))


def _clouds(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Smooth noise in [0, 1], coarse to fine."""
    total = np.zeros((height, width))
    cells = int(rng.integers(2, 5))
    for octave in range(4):
        grid = Image.fromarray(rng.uniform(0.0, 1.0, (cells << octave, cells << octave)).astype(np.float32))
        total += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)) * 0.55**octave
    return (total - total.min()) / max(float(np.ptp(total)), 1e-9)
