"""A tagger from its corpus to its figures, on images of four colours with a caption each."""

import json
from dataclasses import replace

import numpy as np
import pytest
from spoken.world import kind_of, noise_image

import avnet
from avnet.cli.main import main
from avnet.errors import ConfigError, TrainingError
from data.captions.config import CaptionsConfig
from data.captions.corpus import open_captions
from data.captions.pack import pack
from eval.__main__ import main as evaluate
from train.tagger.config import TaggerTrainConfig
from train.tagger.program import tagger

pytestmark = pytest.mark.usefixtures("tiny")
WORDS = {0: {"red", "ball", "lies"}, 1: {"green", "grass", "grows", "tall"}}


@pytest.fixture(scope="module")
def captions(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("captions") / "captions"
    pack(CaptionsConfig(world.source, folder))
    return folder


def config_of(world, captions, out, **changes) -> TaggerTrainConfig:
    config = TaggerTrainConfig(captions, world.backbone, out, steps=60, batch_size=8, validate_every=30)
    return replace(config, **{"learning_rate": 2e-2, "checkpoint_every": 30} | changes)


@pytest.fixture(scope="module")
def run(world, captions, tmp_path_factory):
    out = tmp_path_factory.mktemp("tagger")
    tagger(config_of(world, captions, out))
    return out


def test_it_learns_what_captions_say(run, captions):
    model, corpus = avnet.Tagger.load(run / "model"), open_captions(captions)
    assert model.validation["average_precision"] > 0.95 > 0.8 > model.validation["average_precision_of_frequencies"]
    for number in corpus.images_in("test"):
        kind = kind_of(corpus, number)
        if kind in WORDS:
            (tags,) = model.tags([corpus.image(number)], threshold=0.5)
            assert set(tags) == WORDS[kind]


def test_it_begins_at_the_frequencies_of_words(world, captions, tmp_path):
    rows = tagger(config_of(world, captions, tmp_path, steps=1, learning_rate=1e-9)).parent / "metrics.jsonl"
    losses = [row["loss"] for row in map(json.loads, rows.read_text().splitlines()) if row["kind"] == "train"]
    # Each of 16 words (5 of the sentence "one yellow sun ...") is true of a quarter of the images.
    words = len(avnet.load(tmp_path / "model").vocabulary.words)
    expected = -words * (0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert losses[0] == pytest.approx(expected, rel=0.25)


def test_a_run_that_was_stopped_goes_on_to_the_same_tagger(run, world, captions, tmp_path):
    tagger(config_of(world, captions, tmp_path))
    assert (tmp_path / "model" / "artifact.json").read_bytes() == (run / "model" / "artifact.json").read_bytes()


def test_the_command_prints_tags_and_draws_them(run, world, tmp_path, capsys):
    from PIL import Image

    for kind in (0, 1):
        Image.fromarray(noise_image(kind, 9)).save(tmp_path / f"{kind}.png")
    (tmp_path / "notes.mp4").write_bytes(b"no image")
    main(["tag", str(run / "model"), str(tmp_path), "--top", "2", "--heatmaps", str(tmp_path / "maps")])
    out, err = capsys.readouterr()
    assert "notes.mp4" in err and f"{tmp_path / '0.png'}:" in out
    drawn = {path.name for path in (tmp_path / "maps").glob("*.png")}
    assert len(drawn) == 4 and {name.split(".")[1] for name in drawn if name[0] == "0"} <= WORDS[0]
    with Image.open(tmp_path / "maps" / min(drawn)) as image:
        assert image.size == (64, 48)
    main(["tag", str(run / "model"), str(tmp_path / "1.png"), "--json"])
    (row,) = json.loads(capsys.readouterr().out)
    assert row["image"] == str(tmp_path / "1.png")
    assert all(set(tag) == {"name", "probability"} and 0 <= tag["probability"] <= 1 for tag in row["tags"])


def test_an_image_that_no_word_is_probable_for_is_said_to_have_none(run, world, capsys):
    main(["tag", str(run / "model"), str(world.source / "0.png"), "--threshold", "1"])
    assert "0.png: nothing that this model has a word for" in capsys.readouterr().out


def test_apps_take_a_tagger_as_they_take_classifiers(run):
    image = noise_image(1, 9)
    named = avnet.tags(run / "model", image=image)
    assert named == avnet.tags(avnet.load(run / "model"), image=image)
    (one,) = avnet.tag_images(run / "model", [image])
    assert one.tags == named and one.file is None and one.heatmaps == ()
    with pytest.raises(ConfigError, match="knows images alone"):
        avnet.tags(run / "model", sound=np.ones(16_000))


def test_evaluation_tells_it_from_its_baselines(run, captions, tmp_path, capsys):
    evaluate(["tags", str(captions), str(run / "model"), "--out", str(tmp_path)])
    results = json.loads((tmp_path / "tags.json").read_text())["results"]
    rows = results["mean average precision"]
    assert rows["tagger"]["once"] > 0.95 > rows["frequency of words"]["once"]
    # Every image of this corpus has one caption.
    assert rows["tagger"]["twice"] is None and results["images"] == 4
    assert results["at the thresholds"]["recall"]["once"] > 0.9
    assert "mean average precision" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"words": 0}, "--words: must be at least 1"),
        ({"precision": 1.5}, "--precision: must be from 0 to 1"),
    ],
)
def test_impossible_options_are_refused(world, captions, tmp_path, changes, reason):
    with pytest.raises(ConfigError, match=reason):
        config_of(world, captions, tmp_path, **changes)


def test_a_corpus_that_is_too_small_is_refused(world, captions, tmp_path):
    with pytest.raises(TrainingError, match="has 16 training images; lower --batch-size"):
        tagger(config_of(world, captions, tmp_path, batch_size=17))
