"""One composed clip: a video of things that move about, one of which sounds, with the truth beside it.

A clip is a pure function of its recipe and of (seed, split, index), whoever makes it and in whatever order.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from avnet.files.whole import write_bytes, write_text
from avnet.media.audio import SAMPLE_RATE
from avnet.media.write import write_video
from data.clips import scene
from data.clips.config import ClipConfig
from data.clips.soundtrack import read_sound, soundtrack
from data.clips.sources import ClassFiles, read_cutout
from data.splits import SPLITS

# Steps of the golden ratio spread evenly over [0, 1): every stretch of clips has its share of silent ones.
GOLDEN = (5**0.5 - 1) / 2
# Half of the silent clips hold a noise far below what `prepare` takes for sound.
FAINT_DBFS = (-85.0, -72.0)

Kind = Literal["on_screen", "off_screen", "silent"]
# Colours, and the alpha of a cut-out.
Sprite = tuple[Image.Image, Image.Image | None]


@dataclass(frozen=True)
class Recipe:
    """All that clips are made from.

    Attributes:
        config: what they are like.
        classes: by split, the files of every class.
        backgrounds: by split, photos; where there are none, backgrounds are drawn.
        out: folder of the clips; each split has its own folder in it.
    """

    config: ClipConfig
    classes: dict[str, dict[str, ClassFiles]]
    backgrounds: dict[str, tuple[Path, ...]]
    out: Path

    def file(self, split: str, index: int) -> Path:
        """Where a clip lies."""
        return self.out / split / f"{split}_{index:06d}.mp4"


@dataclass(frozen=True)
class Thing:
    """Something in the image.

    Attributes:
        name: its class.
        file: the image's name.
        sounding: whether the sound is its own.
        image: RGBA for a cut-out, else RGB.
        track: where it is in the frame, or which part of it fills the frame.
        fills: whether it fills the frame.
    """

    name: str
    file: str
    sounding: bool
    image: Image.Image
    track: scene.Track
    fills: bool = False


def cast(recipe: Recipe, split: str, index: int) -> tuple[Kind, str]:
    """Decides what a clip is: its kind, and the class that sounds in it (or is seen in a silent one).

    Every class has its turn once in each run of as many clips as there are classes.
    """
    config, number = recipe.config, SPLITS.index(split)
    names = sorted(recipe.classes[split])
    phase = np.random.default_rng([config.seed, number, 2]).uniform()
    position = (phase + (index + 1) * GOLDEN) % 1.0
    # A new order for each round of classes, or a class would always come beside the same one.
    order = np.random.default_rng([config.seed, number, 1, index // len(names)]).permutation(len(names))
    name = names[order[index % len(names)]]
    if position < config.silence:
        return "silent", name
    return ("off_screen" if position < config.silence + config.off_screen else "on_screen"), name


def make_clip(recipe: Recipe, split: str, index: int) -> bool:
    """Writes a clip, its masks and, last, its truth; each file under a temporary name until it is whole.

    Returns:
        False when the clip was there already.

    Raises:
        MediaError: a source has gone, or the clip cannot be written.
    """
    config, file = recipe.config, recipe.file(split, index)
    truth_file = file.with_suffix(".json")
    if truth_file.exists() and file.exists():
        return False
    # The third number keeps streams apart: 0 for the clip itself, 1 for the order of classes, 2 for the phase of
    # silence.
    rng = np.random.default_rng([config.seed, SPLITS.index(split), 0, index])
    kind, name = cast(recipe, split, index)
    back, things = _stage(rng, recipe, split, kind, name)
    sound, waveform = _sound(rng, recipe, split, kind, name)
    images = _images(config, back, things)
    write_video(file, images, config.fps, waveform, SAMPLE_RATE, preset="superfast", crf=20, own=True)
    truth = {
        "file": file.name,
        "split": split,
        "seed": config.seed,
        "width": config.width,
        "height": config.height,
        "fps": config.fps,
        "duration_s": config.duration_s,
        "sound": sound,
        "objects": [_truth(config, thing, file, i) for i, thing in enumerate(things)],
    }
    write_text(truth_file, json.dumps(truth, ensure_ascii=False), own=True)
    return True


def _stage(
    rng: np.random.Generator, recipe: Recipe, split: str, kind: Kind, name: str
) -> tuple[Image.Image, list[Thing]]:
    """The background and what stands before it; the first thing is in front."""
    config, classes = recipe.config, recipe.classes[split]
    others = [other for other in sorted(classes) if other != name]
    # One more where the sound is of nothing in the image: it stands in for the thing that would make it.
    count = int(rng.integers(config.distractors[0], config.distractors[1] + 1)) + (kind == "off_screen")
    distractors = [others[i] for i in rng.permutation(len(others))[:count]]
    names = distractors if kind == "off_screen" else [name, *distractors]
    files = [_choose(rng, classes[n].images) for n in names]
    images = [_flip(rng, _image(file, _longest(config))) for file in files]
    sounding = [kind == "on_screen" and n == name for n in names]
    size = config.width, config.height
    if config.distractors[1] == 0 and len(images) == 1 and images[0].mode == "RGB":
        track = scene.crop(rng, images[0].size, *size)
        return Image.new("RGB", size), [Thing(names[0], files[0].name, sounding[0], images[0], track, True)]
    tracks = scene.place(rng, [p.width / p.height for p in images], *size)
    rows = zip(names, files, sounding, images, tracks, strict=True)
    return _background(rng, recipe, split), [Thing(n, f.name, s, p, t) for n, f, s, p, t in rows]


def _background(rng: np.random.Generator, recipe: Recipe, split: str) -> Image.Image:
    size = recipe.config.width, recipe.config.height
    photos = recipe.backgrounds[split]
    if not photos:
        return Image.fromarray(scene.background(rng, *size))
    photo = _flip(rng, _image(_choose(rng, photos), _longest(recipe.config))).convert("RGB")
    return _part(photo, np.array(scene.crop(rng, photo.size, *size).start), size)


def _part(photo: Image.Image, part: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """A part of a photo (x, y, width, height) at a size."""
    low = np.maximum(part[:2], 0.0)
    high = np.minimum(part[:2] + part[2:], photo.size)  # rounding may leave the photo by a hair
    return photo.resize(size, Image.Resampling.BILINEAR, box=(*low.tolist(), *high.tolist()))


def _sound(
    rng: np.random.Generator, recipe: Recipe, split: str, kind: Kind, name: str
) -> tuple[dict | None, np.ndarray]:
    length = round(recipe.config.frames / recipe.config.fps * SAMPLE_RATE)
    if kind == "silent":
        level = 10 ** (rng.uniform(*FAINT_DBFS) / 20) if rng.uniform() < 0.5 else 0.0
        return None, rng.normal(0.0, level, length).astype(np.float32)
    file = _choose(rng, recipe.classes[split][name].sounds)
    waveform = soundtrack(rng, _recording(file), length)
    return {"class": name, "file": file.name, "on_screen": kind == "on_screen"}, waveform


def _choose(rng: np.random.Generator, files: tuple[Path, ...]) -> Path:
    return files[int(rng.integers(len(files)))]


def _flip(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.uniform() < 0.5 else image


def _longest(config: ClipConfig) -> int:
    """Photos are kept large enough to fill the frame with a part of themselves."""
    return 2 * max(config.width, config.height)


@lru_cache(maxsize=512)
def _image(path: Path, longest: int) -> Image.Image:
    return read_cutout(path, longest)


@lru_cache(maxsize=64)
def _recording(path: Path) -> np.ndarray:
    return read_sound(path)


def _images(config: ClipConfig, back: Image.Image, things: list[Thing]) -> Iterator[np.ndarray]:
    """The frames; things are pasted at whole pixels, the first one last."""
    if things and things[0].fills:
        for part in things[0].track.at(config.frames):
            yield np.asarray(_part(things[0].image, part, back.size))
        return
    boxes = [thing.track.pixels(config.frames, *back.size) for thing in things]
    sprites = [_sprites(thing.image, box) for thing, box in zip(things, boxes, strict=True)]
    for i in range(config.frames):
        frame = back.copy()
        for box, sprite in reversed(list(zip(boxes, sprites, strict=True))):
            x, y, width, height = map(int, box[i])
            colours, alpha = sprite[width, height]
            frame.paste(colours, (x, y), alpha)
        yield np.asarray(frame)


def _sprites(image: Image.Image, boxes: np.ndarray) -> dict[tuple[int, int], Sprite]:
    """The image in every size that it takes: colours, and alpha for a cut-out."""
    largest = boxes[:, 2:].max(axis=0).tolist()
    base = image.resize(largest, Image.Resampling.LANCZOS)
    sprites = {}
    for width, height in {(int(w), int(h)) for w, h in boxes[:, 2:]}:
        sprite = base.resize((width, height), Image.Resampling.BICUBIC)
        alpha = sprite.getchannel("A") if sprite.mode == "RGBA" else None
        sprites[width, height] = (sprite.convert("RGB"), alpha)
    return sprites


def _truth(config: ClipConfig, thing: Thing, file: Path, number: int) -> dict:
    mask = None
    if thing.fills:
        boxes = np.tile([0.0, 0.0, 1.0, 1.0], (config.frames, 1))
    else:
        pixels = thing.track.pixels(config.frames, config.width, config.height)
        corners = np.concatenate([pixels[:, :2], pixels[:, :2] + pixels[:, 2:]], axis=1)
        boxes = corners / np.array([config.width, config.height] * 2)
        if thing.image.mode == "RGBA":
            size = pixels[:, 2:].max(axis=0).tolist()
            mask = f"{file.stem}_{number}.png"
            alpha = thing.image.resize(size, Image.Resampling.LANCZOS).getchannel("A")
            png = io.BytesIO()
            alpha.save(png, "PNG")
            write_bytes(file.with_name(mask), png.getvalue(), own=True)
    return {
        "class": thing.name,
        "image": thing.file,
        "sounding": thing.sounding,
        "boxes": np.round(boxes, 6).tolist(),
        "mask": mask,
    }
