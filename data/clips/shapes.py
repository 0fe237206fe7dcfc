"""Drawn cut-outs with sounds of their own, where no recordings can be had.

Every class is one form in one colour with one timbre; its images differ in turn, shade and edge, its sounds
in pitch, speed and length.
"""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from avnet.errors import ConfigError, DataError
from avnet.files.whole import whole_file
from avnet.media.audio import SAMPLE_RATE
from avnet.media.write import write_wav
from data.clips.sources import ClassFiles

SIDE = 192
# Drawn this much larger and scaled down, for smooth edges.
OVERSAMPLING = 3
MAX_CLASSES = 36


@dataclass(frozen=True, kw_only=True)
class ShapesConfig:
    """Which shapes are drawn."""

    out: Path
    """Folder of the classes."""
    classes: int = 12
    """Up to 36: twelve forms, then the same in other colours and at other pitches."""
    images: int = 4
    """For every class."""
    sounds: int = 4
    """For every class."""
    seed: int = 0
    """Of what differs within a class."""

    def __post_init__(self):
        if not 1 <= self.classes <= MAX_CLASSES:
            raise ConfigError("--classes", f"must be from 1 to {MAX_CLASSES}, got {self.classes}")
        for name, least in (("images", 1), ("sounds", 1), ("seed", 0)):
            if (value := getattr(self, name)) < least:
                raise ConfigError(f"--{name}", f"must be at least {least}, got {value}")


def shapes(config: ShapesConfig) -> dict[str, ClassFiles]:
    """Writes OUT/CLASS/images/*.png and OUT/CLASS/sounds/*.wav; files with these names are replaced.

    Returns:
        The files of every class.

    Raises:
        DataError: the folder holds other classes or cannot be written.
    """
    names = [class_name(i) for i in range(config.classes)]
    if config.out.exists() and not config.out.is_dir():
        raise DataError(config.out, "is a file, not a folder")
    if config.out.is_dir() and (others := {p.name for p in config.out.iterdir() if p.is_dir()} - set(names)):
        raise DataError(config.out, f"holds another folder, {min(others)}; choose another --out")
    classes = {}
    for number, name in enumerate(names):
        try:
            classes[name] = _write_class(config, number, name)
        except OSError as error:
            raise DataError(config.out, f"cannot be written ({error.strerror})") from None
    return classes


def _write_class(config: ShapesConfig, number: int, name: str) -> ClassFiles:
    images = [config.out / name / "images" / f"{name}_{i}.png" for i in range(config.images)]
    sounds = [config.out / name / "sounds" / f"{name}_{i}.wav" for i in range(config.sounds)]
    for folder in (images[0].parent, sounds[0].parent):
        folder.mkdir(parents=True, exist_ok=True)
    for i, file in enumerate(images):
        with whole_file(file, DataError) as temporary:
            draw(np.random.default_rng([config.seed, number, 0, i]), number).save(temporary, "PNG")
    for i, file in enumerate(sounds):
        write_wav(file, sound(np.random.default_rng([config.seed, number, 1, i]), number), SAMPLE_RATE)
    return ClassFiles(tuple(images), tuple(sounds))


def class_name(number: int) -> str:
    """Of a class, such as `star` or `star_2`."""
    form, again = FORM_NAMES[number % len(FORM_NAMES)], number // len(FORM_NAMES)
    return f"{form}_{again + 1}" if again else form


def draw(rng: np.random.Generator, number: int) -> Image.Image:
    """A cut-out of a class: RGBA, 192 pixels square."""
    again, form = divmod(number, len(FORM_NAMES))
    # Steps of 50 degrees: forms that follow each other differ in colour, too.
    hue = (5 * form + 13 * again) % MAX_CLASSES / MAX_CLASSES
    colour = colorsys.hsv_to_rgb(hue, rng.uniform(0.75, 1.0), rng.uniform(0.7, 1.0))
    edge = colorsys.hsv_to_rgb(hue, 1.0, rng.uniform(0.15, 0.5))
    side = SIDE * OVERSAMPLING
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    turn = rng.uniform(-0.35, 0.35)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    scale = side / 2 * rng.uniform(0.7, 0.85)
    for i, part in enumerate(FORMS[FORM_NAMES[form]]()):
        points = [tuple(p) for p in side / 2 + scale * (part @ rotation.T)]
        fill = (0, 0, 0, 0) if i > 0 else _opaque(colour)
        pen.polygon(points, fill=fill, outline=_opaque(edge), width=side // 40)
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _opaque(colour: tuple[float, float, float]) -> tuple[int, ...]:
    return (*(round(255 * c) for c in colour), 255)


def _polygon(count: int, radii: list[float], first: float = -np.pi / 2) -> np.ndarray:
    angles = first + 2 * np.pi * np.arange(count * len(radii)) / (count * len(radii))
    return np.tile(radii, count)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _cross() -> np.ndarray:
    a = 0.33
    quarter = np.array([[a, -1.0], [a, -a], [1.0, -a]])
    turns = [np.array([[c, -s], [s, c]]) for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    return np.concatenate([quarter @ turn.T for turn in turns])


def _heart() -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([x, -y - 2], axis=1) / 17


def _moon() -> np.ndarray:
    outer = np.linspace(-0.75 * np.pi, 0.75 * np.pi, 50)
    inner = outer[::-1]
    bow = np.stack([np.cos(outer), np.sin(outer)], axis=1)
    hollow = np.stack([0.6 * np.cos(inner) - 0.28, np.sin(inner) * 0.98], axis=1)
    return np.concatenate([bow, hollow])


# Outlines in [-1, 1]; parts after the first are holes.
FORMS: dict[str, Callable[[], list[np.ndarray]]] = {
    "disc": lambda: [_polygon(60, [1.0])],
    "star": lambda: [_polygon(5, [1.0, 0.4])],
    "square": lambda: [_polygon(4, [1.2], -np.pi / 4) * 0.85],
    "cross": lambda: [_cross()],
    "triangle": lambda: [_polygon(3, [1.0])],
    "ring": lambda: [_polygon(60, [1.0]), _polygon(60, [0.5])],
    "heart": lambda: [_heart()],
    "arrow": lambda: [np.array([[0, -1], [0.8, 0], [0.3, 0], [0.3, 1], [-0.3, 1], [-0.3, 0], [-0.8, 0]], float)],
    "flower": lambda: [_polygon(6, [1.0, 0.85, 0.5, 0.85]), _polygon(30, [0.22])],
    "bar": lambda: [np.array([[-1, -0.3], [1, -0.3], [1, 0.3], [-1, 0.3]], float)],
    "moon": lambda: [_moon()],
    "spark": lambda: [_polygon(11, [1.0, 0.62])],
}
FORM_NAMES = tuple(FORMS)


def sound(rng: np.random.Generator, number: int) -> np.ndarray:
    """A sound of a class: float32 [n] at 48 kHz, 1.2 to 2 s."""
    n = int(rng.uniform(1.2, 2.0) * SAMPLE_RATE)
    t = np.arange(n) / SAMPLE_RATE
    octave = number // len(FORM_NAMES)
    pitch = 220.0 * 2 ** (octave * 1.4) * rng.uniform(0.94, 1.06)
    speed = (4.0 + 3.0 * octave) * rng.uniform(0.9, 1.1)
    wave = TIMBRES[FORM_NAMES[number % len(FORM_NAMES)]](rng, t, pitch, speed)
    # 10 ms at either end, or it would begin and end with a click.
    ramp = np.minimum(1.0, np.minimum(np.arange(n), np.arange(n)[::-1]) / 480)
    return (0.5 * ramp * wave / np.abs(wave).max()).astype(np.float32)


def _partials(t: np.ndarray, pitch: float, weights: dict[float, float]) -> np.ndarray:
    return sum((w * np.sin(2 * np.pi * k * pitch * t) for k, w in weights.items()), np.zeros_like(t))


def _saw(phase: np.ndarray) -> np.ndarray:
    """All harmonics that stay audible, without aliasing above them."""
    return sum((np.sin(2 * np.pi * k * phase) / k for k in range(1, 16)), np.zeros_like(phase))


def _strokes(t: np.ndarray, speed: float, decay: float) -> np.ndarray:
    """An envelope struck `speed` times a second."""
    return np.exp(-decay * ((t * speed) % 1.0))


def _band(wave: np.ndarray, low: float, high: float) -> np.ndarray:
    """What of a wave lies between two frequencies, Hz."""
    frequency = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)
    return np.fft.irfft(np.fft.rfft(wave) * ((frequency >= low) & (frequency < high)), len(wave))


def _sweep(t: np.ndarray, pitch: float, speed: float, octaves: float) -> np.ndarray:
    frequency = pitch * 2 ** (octaves * ((t * speed) % 1.0))
    return np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE)


Timbre = Callable[[np.random.Generator, np.ndarray, float, float], np.ndarray]
TIMBRES: dict[str, Timbre] = {
    "disc": lambda rng, t, pitch, speed: _partials(t, pitch, {1: 1.0, 2: 0.1}),
    "star": lambda rng, t, pitch, speed: _partials(t, 4 * pitch, {1: 1, 2.76: 0.6, 5.4: 0.4}) * _strokes(t, speed, 4),
    "square": lambda rng, t, pitch, speed: np.tanh(8 * _partials(t, pitch, {1: 1.0})),
    "cross": lambda rng, t, pitch, speed: _band(rng.normal(size=len(t)), 2000, 5000) * _strokes(t, 2 * speed, 12),
    "triangle": lambda rng, t, pitch, speed: _sweep(t, 2 * pitch, speed / 2, 2.0),
    "ring": lambda rng, t, pitch, speed: _partials(t, 6 * pitch, {1: 1.0}) * (1 + np.sin(2 * np.pi * speed * t)),
    "heart": lambda rng, t, pitch, speed: _partials(t, pitch / 4, {1: 1.0, 2: 0.5}) * _strokes(t, speed / 2, 8),
    "arrow": lambda rng, t, pitch, speed: _sweep(t, 12 * pitch, speed, -2.5),
    "flower": lambda rng, t, pitch, speed: _saw(pitch * t + 0.8 * np.sin(2 * np.pi * speed * t)),
    "bar": lambda rng, t, pitch, speed: _saw(pitch / 3 * t),
    "moon": lambda rng, t, pitch, speed: (
        _band(rng.normal(size=len(t)), 0.7 * pitch, 4 * pitch) * (1.2 + np.sin(np.pi * speed / 2 * t))
    ),
    "spark": lambda rng, t, pitch, speed: _band(rng.uniform(size=len(t)) < 5e-4, 1.8e6 / pitch, 3.6e6 / pitch),
}
