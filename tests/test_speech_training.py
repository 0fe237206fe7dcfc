"""One tiny corpus from its CSV to spoken descriptions and their evaluation; the pictures are coloured noise."""

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image
from random_networks import randomized
from spoken_corpora import make_table
from test_units import spoken as said

import eval.speech
from avnet.backbone import Backbone, write_backbone
from avnet.cli.describe import DescribeConfig, describe, play, sign
from avnet.describer.config import DescriberConfig
from avnet.describer.model import Settings, SpokenDescriber
from avnet.errors import AvnetError, ConfigError, DataError, ModelFolderError, TrainingError
from avnet.media import read_waveform, write_wav
from avnet.media.image import center_squares, read_image
from avnet.models.imagenet import abstract
from avnet.speech.any_units import read_any_units
from avnet.speech.grounded import GroundedUnits
from avnet.speech.mfcc import RATE, mfcc
from avnet.speech.space_folder import read_space
from avnet.speech.tower import SpeechTowerConfig
from data.spoken.grids import grids_of
from data.spoken.pack import SpokenConfig
from data.spoken.pack import spoken as pack
from data.spoken.packed import LISTING, SpokenCorpus, open_corpus
from data.spoken.strings import strings_of
from eval.captions import edits
from train.describer import DescribeTrainConfig, describer
from train.speech import SpeechBatches, SpeechConfig, speech
from train.units import UnitsConfig, units

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


def picture(kind: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng((kind, seed))
    return np.clip(np.array(COLOURS[kind]) + rng.normal(0, 12, (48, 64, 3)), 0, 255).astype(np.uint8)


def make_source(folder: Path, texts=TEXTS) -> Path:
    """24 pictures of four kinds, each with two recordings of the vowels of its kind."""
    folder.mkdir(exist_ok=True)
    rows = []
    for number in range(24):
        kind, turn = number % 4, number // 4
        Image.fromarray(picture(kind, turn)).save(folder / f"{number}.png")
        for k in range(2):
            name = f"{number}_{k}.wav"
            if not (folder / name).exists():
                write_wav(folder / name, said(VOWELS[kind], seed=2 * number + k), RATE)
            rows.append((f"{number}.png", name, "she", texts[kind], SPLITS[turn]))
    make_table(folder / "corpus.csv", rows)
    return folder


def kind_of(corpus: SpokenCorpus, number: int) -> int:
    return int(Path(corpus.names[number]).stem) % 4


def colours(self: Backbone, images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """In place of a trained network: the mean colour of four cells, spread over all channels."""
    squares = center_squares(images, self.image_size).astype(np.float32) / 255 - 0.5
    cells = squares.reshape(len(squares), 2, self.image_size // 2, 2, self.image_size // 2, 3).mean(axis=(2, 4))
    return np.maximum(cells @ np.random.default_rng(0).normal(size=(3, self.features)), 0.0).astype(np.float32)


# A recording is scored without its own text, and the describer beside it.
OTHER_TEXTS = ("original recordings, other texts", "describer, the same texts")


@pytest.fixture(scope="module", autouse=True)
def tiny():
    """Networks of any program here are tiny, and pictures are seen by their colours."""
    tower = SpeechTowerConfig(widths=(8, 12, 16), blocks=1, kernel=5)
    sizes = {"width": 32, "hidden": 48, "dropout": 0.0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Backbone, "grids", colours)
        patch.setattr(SpeechTowerConfig, "small", classmethod(lambda cls: tower))
        patch.setattr(DescriberConfig, "recurrent", classmethod(lambda cls, **more: cls(**{**sizes, **more})))
        yield


@pytest.fixture(scope="module")
def world(tmp_path_factory, tiny):
    folder = tmp_path_factory.mktemp("speech")
    source = make_source(folder / "source")
    names = ("corpus", "backbone", "space/model", "codes/model", "units", "describer/model")
    found = World(source, *(folder / name for name in names))
    write_backbone(found.backbone, Backbone(randomized(abstract("mobilenetv2")), image_size=64))
    pack(SpokenConfig(source, found.corpus))
    options: dict[str, Any] = {"batch_size": 8, "learning_rate": 1e-3}
    speech(SpeechConfig(found.corpus, found.backbone, found.space.parent, steps=40, validate_every=40, **options))
    grounded: dict[str, Any] = {"init_from": found.space, "codes": 8, "stage": 1, "steps": 4, "validate_every": 4}
    speech(SpeechConfig(found.corpus, found.backbone, found.codes.parent, **grounded, **options))
    units(UnitsConfig(found.corpus, found.units, count=8))
    describer(train_config(found))
    return found


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


@pytest.fixture(scope="module")
def corpus(world) -> SpokenCorpus:
    return open_corpus(world.corpus)


@pytest.fixture(scope="module")
def speaker(world) -> SpokenDescriber:
    return SpokenDescriber.load(world.model)


def test_no_text_enters_what_training_reads(world, tmp_path):
    before = contents(world.corpus)
    source = tmp_path / "source"
    shutil.copytree(world.source, source)
    for name, texts in (("one", TEXTS), ("other", ("x", "", "one two three", "red"))):
        make_source(source, texts)
        pack(SpokenConfig(source, tmp_path / name))
    assert (source / "corpus.csv").read_text() != (world.source / "corpus.csv").read_text()
    one, other = contents(tmp_path / "one"), contents(tmp_path / "other")
    assert one == other and one.keys() < before.keys()
    assert all(one[name] == before[name] for name in one if name.name != LISTING)
    assert not any(word in one[Path(LISTING)].decode() for word in ("red", "sea", "grass"))


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_corpus_is_what_its_source_says(corpus):
    assert len(corpus.names) == 24 and len(corpus.recordings) == 48 and set(corpus.speakers) == {"she"}
    assert [len(corpus.pictures_in(split)) for split in ("train", "validation", "test")] == [16, 4, 4]
    for number in (0, 17):
        file = Path(corpus.files[number])
        assert file.name.startswith(f"{Path(corpus.names[corpus.picture_of[number]]).stem}_")
        assert corpus.recordings[number] == pytest.approx(read_waveform(file, RATE).samples, abs=1e-4)
    assert corpus.picture(5).shape == (48, 64, 3)
    assert np.abs(corpus.picture(5).mean(axis=(0, 1)) - COLOURS[1]).max() < 12


def test_what_is_no_corpus_is_refused_in_one_line(world, tmp_path):
    with pytest.raises(DataError, match="make one with `python -m data spoken`"):
        open_corpus(tmp_path)
    listed = json.loads((world.corpus / LISTING).read_text())
    shutil.copytree(world.corpus, tmp_path / "c")
    for change in (
        {"format": "avnet-spoken-2"},
        {"splits": []},
        {"splits": ["tomorrow"] * 24},
        {"picture_of": [0]},
        {"picture_of": [24] * 48},
        {"picture_of": "x"},
        {"pictures": 3},
    ):
        (tmp_path / "c" / LISTING).write_text(json.dumps({**listed, **change}))
        with pytest.raises(DataError, match="is not a spoken corpus, or damaged") as refusal:
            open_corpus(tmp_path / "c")
        assert "\n" not in str(refusal.value)
    with pytest.raises(DataError, match="choose another --out"):
        pack(SpokenConfig(world.source, tmp_path))


def test_a_picture_that_lost_its_recordings_is_passed_over(world, corpus):
    kept = corpus.picture_of != 0
    owners = np.where(kept, corpus.picture_of, 4)
    smaller = replace(corpus, picture_of=owners)
    config = SpeechConfig(world.corpus, world.backbone, Path(), batch_size=15)
    batch = SpeechBatches(smaller, np.zeros((24, 3)), config).at(0)
    assert batch["pooled"].shape == (15, 3) and batch["pcm"].dtype == np.int16


def test_pictures_find_their_recordings_better_than_chance(world):
    space = read_space(world.space)
    assert space.validation["pictures"] == 4 and space.validation["recall@1"] >= 0.6
    assert json.loads((world.space / "config.json").read_text())["space"]["tower"]["widths"] == [8, 12, 16]


def test_grounded_units_tell_the_kinds_apart(world, corpus):
    units = read_any_units(world.codes)
    assert isinstance(units, GroundedUnits) and units.count == 8 and units.frames_per_step == 2
    strings = strings_of(corpus, units)
    again = strings_of(corpus, units)
    assert len(strings) == 48 and again.to_bytes() == strings.to_bytes()
    assert strings[3].units.tolist() == units.encode(corpus.recordings[3]).units.tolist()
    assert all(string.durations.sum() == string.frames for string in strings)
    assert len(set(strings.units.tolist())) > 2


def test_grids_are_computed_once_and_are_the_tower_s(world, corpus):
    tower = read_space(world.space).image_tower
    grids = grids_of(corpus, tower)
    assert grids.shape == (24, 2, 2, 1280) and grids.dtype == np.float16 and isinstance(grids, np.memmap)
    np.testing.assert_allclose(grids[7], tower.grids([corpus.picture(7)])[0], rtol=2e-3, atol=1e-3)


def test_each_kind_is_described_in_its_own_units(world, corpus, speaker):
    numbers = corpus.pictures_in("test")
    found = list(speaker.describe([corpus.picture(int(number)) for number in numbers]))
    strings = strings_of(corpus, speaker.units)
    train = corpus.recordings_in("train")
    right = 0
    for number, one in zip(numbers, found, strict=True):
        units = one.units.tolist()
        nearest = min(train, key=lambda i: edits(strings[i].units.tolist(), units))
        right += kind_of(corpus, corpus.picture_of[nearest]) == kind_of(corpus, number)
        assert one.attention.shape == (len(units), 2, 2) and one.attention.sum(axis=(1, 2)) == pytest.approx(
            1, abs=1e-3
        )
        assert 0 <= one.confidence <= 1 and -1 <= one.similarity <= 1.0001 and len(one.neighbours) == 2
        assert one.waveform.dtype == np.float32 and 0.2 < len(one.waveform) / RATE < 2
        assert one.neighbours[0].similarity >= one.neighbours[1].similarity
        assert one.neighbours[0].picture in corpus.names
    assert right >= 3
    assert len({tuple(one.units.tolist()) for one in found}) == 4


def test_a_picture_is_described_alone_as_among_others_and_drawn_by_its_seed(corpus, speaker):
    images = [corpus.picture(int(number)) for number in corpus.pictures_in("test")[:2]]
    settings = Settings(method="sample", candidates=2, temperature=1.0, seed=3)
    ours, theirs = (next(iter(speaker.describe(images[:n], settings))) for n in (1, 1))
    assert ours.units.tolist() == theirs.units.tolist() and (ours.waveform == theirs.waveform).all()
    parts = list(speaker.stream(images[0]))
    assert sum(len(part) for part in parts) > 0.2 * RATE


def test_a_folder_whose_parts_do_not_fit_is_refused(world, tmp_path):
    for part in ("space", "units", "voice"):
        folder = tmp_path / part
        shutil.copytree(world.model, folder)
        shutil.rmtree(folder / part)
        with pytest.raises(ModelFolderError):
            SpokenDescriber.load(folder)
    shutil.copytree(world.model, tmp_path / "d")
    listed = json.loads((world.model / "config.json").read_text())
    for change in (
        {"format": "x"},
        {"pieces": listed["pieces"][1:]},
        {"guards": {"longest": 0, "repeated": 8, "collapsed": True}},
        {"guards": {"shortest": 1}},
        {"confidence": [1.0]},
        {"confidence": [1.0, float("nan")]},
        {"names": listed["names"][:1]},
        {"describer": {**listed["describer"], "width": 64}},
    ):
        (tmp_path / "d" / "config.json").write_text(json.dumps({**listed, **change}))
        with pytest.raises(ModelFolderError) as refusal:
            SpokenDescriber.load(tmp_path / "d")
        assert "\n" not in str(refusal.value)


def test_training_refuses_what_cannot_be(world, tmp_path):
    for change in ({"steps": 0}, {"retrieved": 5}, {"forget": 2.0}, {"learning_rate": 0.0}, {"pieces": -1}):
        with pytest.raises(ConfigError):
            train_config(world, **change)
    for change in ({"validate_every": 0}, {"batch_size": 1}, {"seed": -1}, {"codes": 8}):
        with pytest.raises(ConfigError):
            SpeechConfig(world.corpus, world.backbone, tmp_path, **cast(dict[str, Any], change))
    with pytest.raises(TrainingError, match="lower --batch-size"):
        speech(SpeechConfig(world.corpus, world.backbone, tmp_path / "s", batch_size=17))
    with pytest.raises(TrainingError, match="lower --batch-size"):
        describer(train_config(world, out=tmp_path / "d", batch_size=64))
    with pytest.raises(TrainingError, match="lower --candidates"):
        describer(train_config(world, out=tmp_path / "d", candidates=32))
    with pytest.raises(TrainingError, match="another seed"):
        describer(train_config(world, seed=1))


def test_without_retrieval_and_collapsing_a_describer_is_trained_too(world, tmp_path):
    out = tmp_path / "plain"
    model = describer(train_config(world, out=out, retrieved=0, collapse=False, pieces=0, steps=2, validate_every=2))
    found = SpokenDescriber.load(model)
    assert not found.parts.guards.collapsed and len(found.parts.pieces) == 8
    one = next(iter(found.describe([picture(0, 9)], Settings(candidates=2))))
    assert one.neighbours == () and one.reason in ("end", "limit", "stuck")


def run(world: World, out: Path, *pictures: Path, **options) -> list[dict[str, Any]]:
    describe(DescribeConfig(world.model, pictures, out, **{"figures": False, "candidates": 2, **options}))
    return json.loads((out / "descriptions.json").read_text())


def test_the_program_writes_sound_figure_and_listing_and_goes_on_after_a_damaged_picture(world, tmp_path, capsys):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for kind in (0, 2):
        Image.fromarray(picture(kind, 9)).save(pictures / f"{kind}.png")
    (pictures / "1.jpg").write_bytes(b"no picture")
    rows = run(world, tmp_path / "out", pictures, threshold=0.0, figures=True)
    printed = capsys.readouterr().out
    assert "left out:" in printed and "1.jpg" in printed and "results:" in printed
    assert [Path(row["picture"]).name for row in rows] == ["0.png", "2.png"] and rows[0]["units"] != rows[1]["units"]
    for row, name in zip(rows, ("0", "2"), strict=True):
        assert row["sure"] and row["sound"] == f"{name}.wav" and row["candidates"] >= 1
        assert row == json.loads((tmp_path / "out" / f"{name}.json").read_text())
        sound = read_waveform(tmp_path / "out" / row["sound"], RATE).samples
        assert len(sound) / RATE == pytest.approx(row["seconds"], abs=0.01)
        assert np.asarray(read_image(tmp_path / "out" / f"{name}.png")).std() > 10
    with pytest.raises(AvnetError):
        run(world, tmp_path / "none", pictures / "1.jpg")


@pytest.mark.parametrize("unsure", ["spoken", "silent", "error"])
def test_an_unsure_description_is_spoken_after_a_sign_kept_silent_or_an_error(world, tmp_path, unsure):
    Image.fromarray(picture(1, 9)).save(tmp_path / "p.png")
    try:
        (row,) = run(world, tmp_path / "out", tmp_path / "p.png", unsure=unsure, threshold=1.0)
        assert unsure != "error"
    except AvnetError as error:
        assert unsure == "error" and "is described without confidence (1 of 1 pictures)" in str(error)
        (row,) = json.loads((tmp_path / "out" / "descriptions.json").read_text())
    assert not row["sure"] and (row["sound"] is None) == (unsure != "spoken") and row["units"]
    assert (tmp_path / "out" / "p.wav").exists() == (unsure == "spoken")
    if row["sound"]:
        sound = read_waveform(tmp_path / "out" / "p.wav", RATE).samples
        assert len(sound) - len(sign()) == pytest.approx(row["seconds"] * RATE, abs=0.01 * RATE)
        assert sound[: len(sign())] == pytest.approx(sign(), abs=1e-3)


def test_another_voice_says_the_same_units(world, tmp_path):
    voice = tmp_path / "voice"
    voice.mkdir()
    for number in range(4):
        write_wav(voice / f"{number}.wav", 0.5 * said(VOWELS[number], seed=900 + number), RATE)
    Image.fromarray(picture(3, 9)).save(tmp_path / "p.png")
    (ours,) = run(world, tmp_path / "ours", tmp_path / "p.png", candidates=1, threshold=0.0)
    (theirs,) = run(world, tmp_path / "theirs", tmp_path / "p.png", voice=voice, candidates=1, threshold=0.0)
    assert ours["units"] == theirs["units"] and theirs["seconds"] > 0.1
    first, second = (read_waveform(tmp_path / name / "p.wav", RATE).samples for name in ("ours", "theirs"))
    assert np.abs(second).max() < 0.8 * np.abs(first).max()
    with pytest.raises(DataError, match="does not exist"):
        run(world, tmp_path / "x", tmp_path / "p.png", voice=tmp_path / "nowhere")


def test_options_that_cannot_be_are_refused(tmp_path):
    for change in (
        {"threshold": 1.5},
        {"threshold": float("nan")},
        {"candidates": 0},
        {"temperature": -1.0},
        {"seed": -1},
    ):
        with pytest.raises(ConfigError):
            DescribeConfig(tmp_path, (tmp_path,), tmp_path, **cast(dict[str, Any], change))
    for change in ({"candidates": 0}, {"top_k": 0}, {"temperature": -1.0}, {"similarity": -1.0}):
        with pytest.raises(ConfigError):
            Settings(**cast(dict[str, Any], change))


class Nearest:
    """A recogniser that says the text of the recording that sounds most alike."""

    settings = "nearest recording"

    def __init__(self, source: Path):
        with (source / "corpus.csv").open() as file:
            rows = list(csv.DictReader(file))
        self.texts = [row["text"] for row in rows]
        self.known = np.stack([quarters(read_waveform(source / row["recording"], RATE).samples) for row in rows])

    def transcribe(self, waveform: np.ndarray) -> str:
        if len(waveform) < 0.1 * RATE:
            return ""
        return self.texts[int(np.square(self.known - quarters(waveform)).sum(axis=1).argmin())]


def quarters(waveform: np.ndarray) -> np.ndarray:
    """The mean cepstrum of each quarter."""
    return np.concatenate([part.mean(axis=0) for part in np.array_split(mfcc(waveform)[:, :13], 4)])


def test_descriptions_are_measured_beside_their_baselines(world, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(eval.speech, "Whisper", lambda: Nearest(world.source))
    eval.speech.speech(
        world.model, world.corpus, world.source, temperatures=(0.4,), naturalness=False, out=tmp_path / "eval"
    )
    printed = capsys.readouterr().out
    report = json.loads((tmp_path / "eval" / "speech.json").read_text())
    found = report["results"]
    rows = ("describer", "without re-ranking", "no retrieval", "nearest-neighbour replay", "shuffled pictures")
    assert found["pictures"] == 4 and set(found["rows"]) == {*rows, *OTHER_TEXTS}
    assert all(name in printed for name in rows)
    scores = {name: row["BLEU-1"] for name, row in found["rows"].items()}
    assert scores["original recordings, other texts"] == pytest.approx(1.0, abs=1e-6)
    assert scores["describer"] >= 0.6 > scores["shuffled pictures"]
    assert found["synthesis"]["original recordings"]["WER"] == 0 and set(found["variety"]) == {"0.4"}
    assert found["recall"]["recordings"]["R@1"] > found["recall"]["chance"]["R@1"]
    assert report["settings"]["recogniser"] == "nearest recording"
    with pytest.raises(ConfigError, match="wants NAME=FOLDER"):
        eval.speech.named(["voice"])
    (tmp_path / "silent").mkdir()
    make_table(tmp_path / "silent" / "corpus.csv", [], ("picture", "recording", "text"))
    with pytest.raises(DataError):
        eval.speech.speech(world.model, world.corpus, tmp_path / "silent", naturalness=False, out=tmp_path / "e")


def test_a_description_is_played_and_a_player_that_fails_is_named(world, tmp_path):
    describer, image = SpokenDescriber.load(world.model), open_corpus(world.corpus).picture(0)
    play(describer, image, ("dd", f"of={tmp_path / 'heard'}", "status=none"))
    assert (tmp_path / "heard").stat().st_size == 2 * sum(map(len, describer.stream(image))) > 0
    with pytest.raises(ConfigError, match="false failed"):
        play(describer, image, ("false",))


def test_playing_does_not_go_with_silence(world, tmp_path):
    with pytest.raises(ConfigError, match="--play"):
        DescribeConfig(world.model, (tmp_path,), tmp_path, unsure="silent", play=True)
