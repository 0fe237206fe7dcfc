"""Training on a spoken corpus, from its packing to a describer."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np
import pytest
from flax import nnx
from media.forged import forge_config
from random_networks import random_backbone, randomize
from spoken.world import COLOURS, TEXTS, kind_of, make_source, noise_image, train_config

from avnet.audio.pcm import SPEECH_RATE
from avnet.backbones.config import BackboneConfig
from avnet.backbones.tower import Tower
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.correspondence.network import build
from avnet.describer.describer import Describer
from avnet.describer.settings import Settings
from avnet.errors import ConfigError, DataError, ModelFolderError, TrainingError
from avnet.files.artifact import read_header
from avnet.files.kinds import DESCRIBER
from avnet.media import read_image, read_waveform
from avnet.pages.descriptions.spoken_figure import draw
from avnet.speech_space.space import SpeechSpace
from avnet.units.grounded import GroundedUnits
from avnet.units.registry import read_any_units
from data.images.cache import cache_array
from data.images.corpus import LISTING
from data.images.grids import grids_of
from data.spoken.config import SpokenConfig
from data.spoken.corpus import open_corpus
from data.spoken.pack import pack
from data.spoken.strings import strings_of
from eval.captions import edits
from train.captioner.describer import describer
from train.captioner.examples import Examples, TokenStrings
from train.captioner.places import GridPlaces
from train.captioner.retrieval import Neighbors, Shown
from train.speech_space.batches import SpeechBatches
from train.speech_space.config import SpeechConfig
from train.speech_space.pairing import begin
from train.speech_space.program import speech

pytestmark = pytest.mark.usefixtures("tiny")


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
    assert [len(corpus.images_in(split)) for split in ("train", "validation", "test")] == [16, 4, 4]
    for number in (0, 17):
        file = Path(corpus.files[number])
        assert file.name.startswith(f"{Path(corpus.names[corpus.image_of[number]]).stem}_")
        assert corpus.recordings[number] == pytest.approx(read_waveform(file, SPEECH_RATE).samples, abs=1e-4)
    assert corpus.image(5).shape == (48, 64, 3)
    assert np.abs(corpus.image(5).mean(axis=(0, 1)) - COLOURS[1]).max() < 12


def test_what_is_no_corpus_is_refused_in_one_line(world, tmp_path):
    with pytest.raises(DataError, match="make one with `python -m data spoken`"):
        open_corpus(tmp_path)
    listing = json.loads((world.corpus / LISTING).read_text())
    shutil.copytree(world.corpus, tmp_path / "c")
    for change in (
        {"format": "avnet-spoken-1"},
        {"splits": []},
        {"splits": ["tomorrow"] * 24},
        {"image_of": [0]},
        {"image_of": [24] * 48},
        {"image_of": "x"},
        {"images": 3},
    ):
        (tmp_path / "c" / LISTING).write_text(json.dumps({**listing, **change}))
        with pytest.raises(DataError, match="is not a spoken corpus, or damaged") as refusal:
            open_corpus(tmp_path / "c")
        assert "\n" not in str(refusal.value)
    with pytest.raises(DataError, match="choose another folder"):
        pack(SpokenConfig(world.source, tmp_path))


def test_a_image_that_lost_its_recordings_is_passed_over(world, corpus):
    with_recordings = corpus.image_of != 0
    owners = np.where(with_recordings, corpus.image_of, 4)
    smaller = replace(corpus, image_of=owners)
    config = SpeechConfig(world.corpus, Path(), world.backbone, batch_size=15)
    batch = SpeechBatches(smaller, np.zeros((24, 3)), config, 8.0).at(0)
    assert batch["images"].shape == (15, 3) and batch["pcm"].dtype == np.int16


def test_a_batch_depends_on_its_step_alone(world, corpus):
    """So a run that is resumed sees what it would have seen."""
    rows = [np.arange(1 + i % 5, dtype=np.int32) for i in range(48)]
    training, held_out = (corpus.recordings_in(split) for split in ("train", "validation"))
    strings = TokenStrings(corpus.folder, rows, corpus.image_of, training, held_out, 12)
    others = Neighbors(np.arange(24 * 8).reshape(24, 8) % 48, np.zeros((24, 8), np.float32))
    grids = np.arange(24.0).reshape(24, 1, 1, 1)
    pooled = np.arange(72.0).reshape(24, 3)
    runs = {
        "images": lambda: SpeechBatches(corpus, pooled, SpeechConfig(world.corpus, Path(), batch_size=4), 8.0).at,
        "cells": lambda: (
            Examples(
                train_config(world, batch_size=4, scheduled_sampling=0.5),
                strings,
                GridPlaces([grids], "windows"),
                Shown(2, 48, 13, rows, others, 0.2),
            ).at
        ),
    }
    for key, make in runs.items():
        straight, jumping = make(), make()
        for step in (9, 2, 5):
            jumping(step)
        for step in range(10):
            one, other = straight(step), jumping(step)
            assert one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)
        assert (straight(3)[key] != straight(4)[key]).any()


def test_images_find_their_recordings_better_than_chance(world):
    space = SpeechSpace.load(world.space)
    assert space.validation["images"] == 4 and space.validation["recall@1"] >= 0.6
    assert json.loads((world.space / "artifact.json").read_text())["config"]["tower"]["widths"] == [8, 12, 16]


def test_an_image_tower_comes_from_a_trained_model_or_is_learned_from_scratch(world, tmp_path):
    sizes = replace(ModelConfig.small(), image_size=32, widths=(4, 4, 6, 8))
    ave = randomize(build(sizes, rngs=nnx.Rngs(0)))
    Model(ave.config, ave).save(tmp_path / "ave")
    options: dict[str, Any] = {"batch_size": 8, "steps": 2, "validate_every": 2}
    base = speech(SpeechConfig(world.corpus, tmp_path / "frozen", tmp_path / "ave", **options))
    tower = SpeechSpace.load(base).image_tower
    assert (tower.config, tower.cells, tower.features) == (
        BackboneConfig.tower(32, sizes.widths),
        2,
        8,
    )
    jax.tree.map(np.testing.assert_array_equal, nnx.state(tower.network), nnx.state(ave.vision))
    finetune = speech(SpeechConfig(world.corpus, tmp_path / "tuned", init_from=base, tune_image=True, **options))
    after = SpeechSpace.load(finetune).image_tower
    assert isinstance(after.network, Tower) and isinstance(tower.network, Tower)
    change = after.network.blocks[0].conv.kernel[...] - tower.network.blocks[0].conv.kernel[...]
    assert np.median(np.abs(change)) > 1e-4  # weight decay alone is a thousand times less
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelConfig, "preset", classmethod(lambda cls, network, preset: sizes))
        fresh = SpeechSpace.load(speech(SpeechConfig(world.corpus, tmp_path / "fresh", **options))).image_tower
    assert fresh.config == tower.config and fresh.fingerprint not in (
        tower.fingerprint,
        after.fingerprint,
    )
    assert isinstance(fresh.network, Tower)
    assert (fresh.network.blocks[0].norm.mean[...] != 0).any()  # its statistics moved: it was trained


def test_a_space_is_not_gone_on_with_above_another_image_tower(world, tmp_path):
    other = random_backbone("mobilenetv2", 64, seed=9)
    other.save(tmp_path / "other")
    config = SpeechConfig(world.corpus, tmp_path / "s", tmp_path / "other", init_from=world.space, batch_size=8)
    with pytest.raises(TrainingError, match="another image tower"):
        speech(config)


def test_grounded_units_tell_the_kinds_apart(world, corpus):
    units = read_any_units(world.codes)
    assert isinstance(units, GroundedUnits) and units.count == 8 and units.frames_per_step == 2
    strings = strings_of(corpus, units)
    again = strings_of(corpus, units)
    assert len(strings) == 48 and again.to_bytes() == strings.to_bytes()
    assert strings[3].units.tolist() == units.encode(corpus.recordings[3]).units.tolist()
    assert all(string.durations.sum() == string.frames for string in strings)
    assert len(set(strings.units.tolist())) > 2


def test_a_second_quantizer_joins_the_first_whose_codes_stay(world, corpus):
    first = SpeechSpace.load(world.codes)
    config = SpeechConfig(corpus.folder, Path("run"), init_from=world.codes, codes=8, stages=(1, 2), batch_size=8)
    both = begin(config, first.image_tower, corpus, first)
    ours, theirs = both.tower.quantizer(1), first.network.tower.quantizer(1)
    np.testing.assert_array_equal(ours.codes[...], theirs.codes[...])
    np.testing.assert_array_equal(ours.counts[...], theirs.counts[...])
    # The second begins among the vectors that it will stand for, and is alone among the parts that are new.
    second = both.tower.quantizer(2)
    assert np.isfinite(second.codes[...]).all() and len(np.unique(second.nearest(second.codes[...]))) == 8
    after, before = (space.tower.stages[1][0].conv1.kernel[...] for space in (both, first.network))
    np.testing.assert_array_equal(after, before)
    with pytest.raises(ConfigError, match="quantized_stages"):
        begin(replace(config, stages=(2, 1)), first.image_tower, corpus, first)


def test_grids_are_computed_once_and_are_the_tower_s(world, corpus):
    tower = SpeechSpace.load(world.space).image_tower
    grids = grids_of(corpus, tower)
    assert grids.shape == (24, 2, 2, 1280) and grids.dtype == np.float16 and isinstance(grids, np.memmap)
    np.testing.assert_allclose(grids[7], tower.grids([corpus.image(7)])[0], rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", "short", "other"])
def test_a_damaged_array_beside_a_corpus_is_computed_anew(corpus, tmp_path, damage):
    corpus, calls = replace(corpus, folder=tmp_path), []

    def parts():
        calls.append(1)
        yield np.ones((2, 3))
        yield np.full((1, 3), 2.0)

    def array() -> np.ndarray:
        return cache_array(corpus, "a.npy", (3, 3), np.float16, parts)

    assert array()[:, 0].tolist() == array()[:, 0].tolist() == [1, 1, 2] and len(calls) == 1
    if isinstance(damage, bytes):
        (tmp_path / "a.npy").write_bytes(damage)
    else:
        np.save(tmp_path / "a.npy", np.zeros((3, 2), np.float16) if damage == "short" else np.zeros((3, 3)))
    assert array()[2].tolist() == [2, 2, 2] and len(calls) == 2


def test_each_kind_is_described_in_its_own_units(world, corpus, speaker):
    numbers = corpus.images_in("test")
    result = list(speaker.describe([corpus.image(int(number)) for number in numbers]))
    strings = strings_of(corpus, speaker.units)
    train = corpus.recordings_in("train")
    right = 0
    for number, one in zip(numbers, result, strict=True):
        units = one.units.tolist()
        nearest = min(train, key=lambda i: edits(strings[i].units.tolist(), units))
        right += kind_of(corpus, corpus.image_of[nearest]) == kind_of(corpus, number)
        assert one.attention.shape == (len(units), 4) and one.boxes.shape == (4, 4)
        assert one.attention.sum(axis=1) == pytest.approx(1, abs=1e-3)
        assert 0 <= one.confidence <= 1 and -1 <= one.similarity <= 1.0001 and len(one.neighbors) == 2
        assert one.waveform.dtype == np.float32 and 0.2 < len(one.waveform) / SPEECH_RATE < 2
        assert one.neighbors[0].similarity >= one.neighbors[1].similarity
        assert one.neighbors[0].image in corpus.names
    assert right >= 3
    assert len({tuple(one.units.tolist()) for one in result}) == 4


def test_a_image_is_described_alone_as_among_others_and_drawn_by_its_seed(corpus, speaker):
    images = [corpus.image(int(number)) for number in corpus.images_in("test")[:2]]
    settings = Settings(method="sample", candidates=2, temperature=1.0, seed=3)
    ours, theirs = (next(iter(speaker.describe(images[:n], settings))) for n in (1, 1))
    assert ours.units.tolist() == theirs.units.tolist() and (ours.waveform == theirs.waveform).all()
    parts = list(speaker.stream(images[0]))
    assert sum(len(part) for part in parts) > 0.2 * SPEECH_RATE


def test_candidates_of_a_image_are_all_different_likeliest_first(corpus, speaker):
    settings = Settings(method="sample", candidates=16, temperature=0.1)
    (result,) = speaker.candidates(speaker.views([corpus.image(0)]), settings)
    strings = [tuple(one.units.tolist()) for one in result]
    assert len(set(strings)) == len(strings) < 16
    assert [one.score for one in result] == sorted((one.score for one in result), reverse=True)


def test_without_retrieval_nothing_is_retrieved_for_the_search_or_the_choice(corpus, speaker, monkeypatch):
    monkeypatch.setattr(speaker, "retrieve", lambda *_: pytest.fail("retrieved"))
    monkeypatch.setattr(speaker, "_descriptions_of_similar", lambda *_: pytest.fail("retrieved"))
    views = speaker.views([corpus.image(0)])
    (result,) = speaker.candidates(views, Settings(), retrieval=False)
    assert speaker.choose(views, result, Settings(), retrieval=False).candidate in result


def test_the_choice_follows_likelihood_and_descriptions_of_similar_images(corpus, speaker, monkeypatch):
    views = speaker.views([corpus.image(0)])
    (candidates,) = speaker.candidates(views, Settings())
    last = candidates[-1]
    monkeypatch.setattr(speaker, "_descriptions_of_similar", lambda _: [[last.units]])
    assert speaker.choose(views, candidates, Settings(likelihood=0)).candidate is last
    assert speaker.choose(views, candidates, Settings(consensus=0)).candidate is candidates[0]


def test_only_what_is_chosen_is_said(corpus, speaker, monkeypatch):
    said, speak = [], speaker.voice.speak
    monkeypatch.setattr(speaker.voice, "speak", lambda units: said.append(units) or speak(units))
    (description,) = speaker.describe([corpus.image(0)])
    assert len(said) == 1 and (said[0] == description.units).all() and description.candidates > 1
    assert (description.waveform == speak(description.units)).all()


def test_a_folder_whose_parts_do_not_fit_is_refused(world, tmp_path):
    for part in ("space", "units", "voice"):
        folder = tmp_path / part
        shutil.copytree(world.model, folder)
        shutil.rmtree(folder / part)
        with pytest.raises(ModelFolderError):
            Describer.load(folder)
    shutil.copytree(world.model, tmp_path / "d")
    for change in (
        {"guards": {"longest": 0, "repeated": 8, "collapsed": True}},
        {"guards": {"shortest": 1}},
        {"confidence": [1.0]},
        {"confidence": [1.0, float("nan")]},
        {"captioner": {"width": 64}},
        {"captioner": {**read_header(world.model, DESCRIBER).config["captioner"], "pieces": 3}},
    ):
        forge_config(tmp_path / "d", lambda config, change=change: config.update(change))
        with pytest.raises(ModelFolderError) as refusal:
            Describer.load(tmp_path / "d")
        assert "\n" not in str(refusal.value)


def test_a_describer_with_another_space_is_refused(world, tmp_path):
    shutil.copytree(world.model, tmp_path / "d")
    shutil.rmtree(tmp_path / "d" / "space")
    shutil.copytree(world.codes, tmp_path / "d" / "space")
    with pytest.raises(ModelFolderError, match="was made with space of another fingerprint"):
        Describer.load(tmp_path / "d")


def test_training_refuses_what_cannot_be(world, tmp_path):
    for change in ({"steps": 0}, {"retrieved": 5}, {"forget": 2.0}, {"learning_rate": 0.0}, {"pieces": -1}):
        with pytest.raises(ConfigError):
            train_config(world, **change)
    for change in ({"validate_every": 0}, {"batch_size": 1}, {"seed": -1}, {"codes": 8}):
        with pytest.raises(ConfigError):
            SpeechConfig(world.corpus, tmp_path, world.backbone, **cast(dict[str, Any], change))
    with pytest.raises(ConfigError, match="by copying alone"):
        train_config(world, kind="lrcn", copying=False)
    with pytest.raises(TrainingError, match="lower --batch-size"):
        speech(SpeechConfig(world.corpus, tmp_path / "s", world.backbone, batch_size=17))
    with pytest.raises(TrainingError, match="lower --batch-size"):
        describer(train_config(world, out=tmp_path / "d", batch_size=64))
    with pytest.raises(TrainingError, match="lower --candidates"):
        describer(train_config(world, out=tmp_path / "d", candidates=32))
    with pytest.raises(TrainingError, match="another seed"):
        describer(train_config(world, seed=1))


def test_without_retrieval_and_collapsing_a_describer_is_trained_too(world, tmp_path):
    out = tmp_path / "plain"
    model = describer(train_config(world, out=out, retrieved=0, collapse=False, pieces=0, steps=2, validate_every=2))
    result = Describer.load(model)
    assert not result.parts.guards.collapsed and len(result.parts.pieces) == 8
    one = next(iter(result.describe([noise_image(0, 9)], Settings(candidates=2))))
    assert one.neighbors == () and one.reason in ("end", "limit", "stuck")


@pytest.mark.parametrize(
    ("kind", "retrieved"), [("show-and-tell", 0), pytest.param("up-down", 2, marks=pytest.mark.slow)]
)
def test_a_network_of_a_paper_is_trained_describes_and_is_drawn(world, tmp_path, kind, retrieved):
    """It sees nothing that is retrieved unless that is asked for; without attention it has no map to draw."""
    options = {"kind": kind, "small": True, "steps": 2, "validate_every": 2} | ({"retrieved": 2} if retrieved else {})
    model = describer(replace(train_config(world), out=tmp_path / "run", **{"retrieved": None} | options))
    result = Describer.load(model)
    assert result.parts.network.config.kind == kind and result.parts.network.config.retrieved == retrieved
    one = next(iter(result.describe([noise_image(0, 9)], Settings(candidates=2))))
    assert len(one.neighbors) == retrieved and one.reason in ("end", "limit", "stuck")
    if kind == "show-and-tell":
        assert one.attention is None
    else:
        assert one.attention is not None and one.attention.shape == (len(one.units), 4)
        assert one.attention.sum(axis=1) == pytest.approx(np.ones(len(one.units)), abs=1e-4)
    draw(noise_image(0, 9), one, tmp_path / "figure.png")
    assert read_image(tmp_path / "figure.png").shape[1] > 300
