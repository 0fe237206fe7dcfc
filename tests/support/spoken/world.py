"""One tiny corpus, from its CSV to a describer; the images are coloured noise. Fixtures of three files of tests."""

import fcntl
import os
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from random_networks import random_backbone

from avnet.audio.pcm import SPEECH_RATE
from avnet.backbones.backbone import Backbone
from avnet.captioners.presets import PRESETS, Preset
from avnet.describer.describer import Describer
from avnet.media import write_wav
from avnet.media.image import center_squares
from avnet.speech_space.tower import SpeechTowerConfig
from data.images.corpus import ImageCorpus
from data.spoken.config import SpokenConfig
from data.spoken.corpus import SpokenCorpus, open_corpus
from data.spoken.pack import pack
from spoken.corpora import make_table
from spoken.vowels import vowels
from train.captioner.config import DescribeTrainConfig
from train.captioner.describer import describer
from train.speech_space.config import SpeechConfig
from train.speech_space.program import speech
from train.units.config import UnitsConfig
from train.units.program import units

COLOURS = ((220, 30, 30), (30, 200, 40), (30, 60, 220), (230, 220, 40))
VOWELS = ([0, 1, 2, 0], [1, 0, 2, 1], [2, 1, 0, 2], [0, 2, 1, 2])
TEXTS = ("a red ball lies here", "green grass grows tall", "the blue sea is deep", "one yellow sun shines bright")
SPLITS = ("train", "train", "train", "train", "validation", "test")


@dataclass(frozen=True)
class World:
    """Folders of one run through all programs."""

    source: Path
    corpus: Path
    backbone: Path
    space: Path
    codes: Path
    units: Path
    model: Path


def noise_image(kind: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng((kind, seed))
    return np.clip(np.array(COLOURS[kind]) + rng.normal(0, 12, (48, 64, 3)), 0, 255).astype(np.uint8)


def make_source(folder: Path, texts=TEXTS) -> Path:
    """24 images of four kinds, each with two recordings of the vowels of its kind."""
    folder.mkdir(exist_ok=True)
    rows = []
    for number in range(24):
        kind, turn = number % 4, number // 4
        Image.fromarray(noise_image(kind, turn)).save(folder / f"{number}.png")
        for k in range(2):
            name = f"{number}_{k}.wav"
            if not (folder / name).exists():
                write_wav(folder / name, vowels(VOWELS[kind], seed=2 * number + k), SPEECH_RATE)
            rows.append((f"{number}.png", name, "she", texts[kind], SPLITS[turn]))
    make_table(folder / "corpus.csv", rows)
    return folder


def kind_of(corpus: ImageCorpus, number: int) -> int:
    return int(Path(corpus.names[number]).stem) % 4


def colours(self: Backbone, images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """In place of a trained network: the mean colour of four cells, spread over all channels."""
    squares = center_squares(images, self.image_size).astype(np.float32) / 255 - 0.5
    cells = squares.reshape(len(squares), 2, self.image_size // 2, 2, self.image_size // 2, 3).mean(axis=(2, 4))
    return np.maximum(cells @ np.random.default_rng(0).normal(size=(3, self.features)), 0.0).astype(np.float32)


@contextmanager
def tiny_networks():
    """Networks of any program are tiny in here, and images are seen by their colours."""
    tower = SpeechTowerConfig(widths=(8, 12, 16), blocks=1, kernel=5)
    sizes = {"width": 32, "hidden": 48, "dropout": 0.0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Backbone, "grids", colours)
        patch.setattr(SpeechTowerConfig, "small", classmethod(lambda cls: tower))
        patch.setitem(PRESETS, "recurrent", Preset(sizes, {}))
        yield


@pytest.fixture(scope="module")
def tiny():
    with tiny_networks():
        yield


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    """One run through all programs, for all tests that only look at it; the first of several workers makes it."""
    everyone = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        everyone = everyone.parent
    with (everyone / "speech_world.txt").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if folder := file.read():
            return world_in(Path(folder))
        with tiny_networks():
            result = made(tmp_path_factory.mktemp("speech"))
        file.write(str(result.source.parent))
        return result


def world_in(folder: Path) -> World:
    names = ("source", "corpus", "backbone", "space/model", "codes/model", "units", "describer/model")
    return World(*(folder / name for name in names))


def made(folder: Path) -> World:
    result = world_in(folder)
    make_source(result.source)
    random_backbone("mobilenetv2", 64).save(result.backbone)
    pack(SpokenConfig(result.source, result.corpus))
    options: dict[str, Any] = {"batch_size": 8, "learning_rate": 1e-3}
    speech(SpeechConfig(result.corpus, result.space.parent, result.backbone, steps=40, validate_every=40, **options))
    codes_options: dict[str, Any] = {
        "init_from": result.space,
        "codes": 8,
        "stages": (1,),
        "steps": 4,
        "validate_every": 4,
    }
    speech(SpeechConfig(result.corpus, result.codes.parent, result.backbone, **codes_options, **options))
    units(UnitsConfig(result.corpus, result.units, count=8))
    describer(train_config(result))
    return result


def train_config(world: World, **changes) -> DescribeTrainConfig:
    options: dict[str, Any] = {
        "pieces": 12,
        "retrieved": 2,
        "candidates": 4,
        "steps": 80,
        "batch_size": 8,
        "learning_rate": 5e-3,
    }
    out = world.model.parent
    return DescribeTrainConfig(
        **{"corpus": world.corpus, "space": world.space, "units": world.units, "out": out, "validate_every": 80}
        | options
        | changes
    )


@pytest.fixture(scope="session")
def corpus(world) -> SpokenCorpus:
    return open_corpus(world.corpus)


@pytest.fixture(scope="session")
def speaker(world) -> Describer:
    return Describer.load(world.model)
