"""`python -m eval speech` and `words` with a tiny describer."""

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from random_networks import random_show_and_speak
from spoken.corpora import make_table
from spoken.vowels import vowels
from spoken.world import TEXTS, VOWELS, make_source, train_config

import eval.spoken.speech
from avnet.audio.mfcc import mfcc
from avnet.audio.pcm import SPEECH_RATE
from avnet.backbones.backbone import Backbone
from avnet.describer.describer import Describer
from avnet.describer.show_and_speak.describer import DirectDescriber
from avnet.errors import ConfigError, DataError, ModelFolderError
from avnet.media import read_image, read_waveform, write_wav
from data.spoken.corpus import open_corpus
from data.spoken.strings import encode_corpus
from eval.spoken.config import SpeechConfig, UnitsConfig, WordsConfig
from eval.spoken.phones import open_phone_pipeline
from eval.spoken.units import units as inspect
from eval.spoken.words import words
from train.captioner.describer import describer

pytestmark = pytest.mark.usefixtures("tiny")


# A recording is scored without its own text, and the describer beside it.
OTHER_TEXTS = ("original recordings, other texts", "describer, the same texts")


class Nearest:
    """A recogniser that says the text of the recording that sounds most alike."""

    settings = "nearest recording"

    def __init__(self, source: Path):
        with (source / "corpus.csv").open() as file:
            rows = list(csv.DictReader(file))
        self.texts = [row["text"] for row in rows]
        self.known = np.stack([quarters(read_waveform(source / row["recording"], SPEECH_RATE).samples) for row in rows])

    def transcribe(self, waveform: np.ndarray) -> str:
        if len(waveform) < 0.1 * SPEECH_RATE:
            return ""
        return self.texts[int(np.square(self.known - quarters(waveform)).sum(axis=1).argmin())]


def quarters(waveform: np.ndarray) -> np.ndarray:
    """The mean cepstrum of each quarter."""
    return np.concatenate([part.mean(axis=0) for part in np.array_split(mfcc(waveform)[:, :13], 4)])


def test_descriptions_are_measured_beside_their_baselines(world, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(eval.spoken.speech, "Whisper", lambda: Nearest(world.source))
    more: dict[str, Any] = {"also": (f"twin={world.model}",), "voices": (f"again={world.source}",)}
    # Of random weights, and it never stops.
    backbone = Backbone.load(world.backbone)
    network = random_show_and_speak(backbone.features, steps=40)
    network.decoder.stop.bias = nnx.Param(jnp.full(1, -1e9))
    more["show_and_speak"] = tmp_path / "direct"
    direct = DirectDescriber(network, backbone).save(more["show_and_speak"])
    eval.spoken.speech.speech(
        SpeechConfig(
            world.model, world.corpus, world.source, temperatures=(0.4,), naturalness=0, out=tmp_path / "eval", **more
        )
    )
    output = capsys.readouterr().out
    report = json.loads((tmp_path / "eval" / "speech.json").read_text())
    results = report["results"]
    rows = ("describer", "the likeliest", "no retrieval", "nearest-neighbour replay", "shuffled images")
    rows += (f"synthesis: {eval.spoken.speech.GRIFFIN_LIM}", "synthesis: voice again", "also twin")
    rows += ("show and speak",)
    assert results["images"] == 4 and set(results["rows"]) == {*rows, *OTHER_TEXTS}
    assert "text pipeline (not given)" in output and "no collapsing (not given)" in output
    assert all(name in output for name in rows)
    scores = {name: row["BLEU-1"] for name, row in results["rows"].items()}
    assert scores["original recordings, other texts"] == pytest.approx(1.0, abs=1e-6)
    assert scores["describer"] >= 0.6 > scores["shuffled images"]
    assert results["synthesis"]["original recordings"]["WER"] == 0
    assert results["rows"]["also twin"] == results["rows"]["describer"]
    assert report["model"]["also twin"] == report["model"]["fingerprint"] != ""
    assert set(results["synthesis"]) == {
        "original recordings",
        "selection",
        eval.spoken.speech.GRIFFIN_LIM,
        "voice again",
    } and set(results["variety"]) == {"0.4"}
    assert report["model"]["show and speak"] == direct and results["rows"]["show and speak"]["BLEU-1"] < 0.6
    assert results["show and speak that stopped"] == 0 and "stopped by itself at 0.0% of the images" in output
    assert set(results["recall"]["show and speak"]) == {"R@1", "R@5", "R@10"}
    assert results["recall"]["recordings"]["R@1"] > results["recall"]["chance"]["R@1"]
    assert report["settings"]["recognizer"] == "nearest recording"
    for wrong in (["voice"], ["=x"], ["a=x", "a=y"]):
        with pytest.raises(ConfigError, match="must be NAME=FOLDER"):
            eval.spoken.speech.parse_folders(wrong)
    with pytest.raises(ConfigError, match="holds the very recordings"):
        eval.spoken.speech.speech(SpeechConfig(world.model, world.corpus, world.source, voices=(f"x={world.corpus}",)))
    with pytest.raises(ConfigError, match="needs --texts"):
        eval.spoken.speech.speech(SpeechConfig(world.model, world.corpus, second_recognizer=True))
    (tmp_path / "silent").mkdir()
    make_table(tmp_path / "silent" / "corpus.csv", [], ("image", "recording", "text"))
    with pytest.raises(DataError, match="has no text of the recordings"):
        eval.spoken.speech.speech(
            SpeechConfig(world.model, world.corpus, tmp_path / "silent", naturalness=0, out=tmp_path / "e")
        )


def test_where_nothing_is_written_speech_is_measured_by_its_way_back_to_the_image(world, tmp_path, capsys):
    eval.spoken.speech.speech(SpeechConfig(world.model, world.corpus, naturalness=0, out=tmp_path / "eval"))
    report = json.loads((tmp_path / "eval" / "speech.json").read_text())
    results = report["results"]
    assert set(results) == {"images", "recall", "synthesis"} and report["settings"]["recognizer"] == "none"
    assert results["recall"]["describer"]["R@1"] > results["recall"]["shuffled images"]["R@1"]
    assert results["synthesis"]["original recordings"] == {"unit error rate": 0.0}
    selection_row, synthesis_row = (
        results["synthesis"][name]["unit error rate"] for name in ("selection", eval.spoken.speech.GRIFFIN_LIM)
    )
    assert selection_row < 0.1 and 0 < synthesis_row < 0.5
    assert "Recall (%)" in capsys.readouterr().out


# Says the vowels of the one text in which a word occurs, and nothing else.
FLITE = """#!/bin/sh
here="${0%/*}"
if [ "$1" = -lv ]; then echo "Voices available: slt"; exit 0; fi
printf '%s\\n' "$4" >> "$here/said"
for word in ball grass sea sun; do case "$4" in *$word*) cp "$here/$word.wav" "$6"; exit 0;; esac; done
cp "$here/ball.wav" "$6"
"""


@pytest.fixture
def flite(tmp_path, monkeypatch) -> Path:
    """The folder of a program that takes flite's place."""
    for kind, word in enumerate(("ball", "grass", "sea", "sun")):
        write_wav(tmp_path / f"{word}.wav", vowels(VOWELS[kind], seed=500 + kind), SPEECH_RATE)
    (tmp_path / "flite").write_text(FLITE)
    (tmp_path / "flite").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def test_the_text_pipeline_is_the_same_describer_over_words(world, flite, tmp_path, monkeypatch, capsys):
    words(WordsConfig(world.corpus, world.source, tmp_path / "words", least=2))
    assert "19 words, 100.0% of what is said; 4.8 a recording" in capsys.readouterr().out
    model = describer(train_config(world, units=tmp_path / "words", pieces=0, out=tmp_path / "run", steps=120))
    with pytest.raises(ModelFolderError, match="is not a set of units"):
        Describer.load(model)  # nothing here can be said by a voice
    monkeypatch.setattr(eval.spoken.speech, "Whisper", lambda: Nearest(world.source))
    # The same strings under the name of phones.
    phones = shutil.copytree(model, tmp_path / "phones")
    (phones / "units" / "words.json").rename(phones / "units" / "phones.json")
    options: dict[str, Any] = {"words": model, "phones": phones, "out": tmp_path / "eval"}
    eval.spoken.speech.speech(
        SpeechConfig(world.model, world.corpus, world.source, temperatures=(), naturalness=0, **options)
    )
    results = json.loads((tmp_path / "eval" / "speech.json").read_text())["results"]
    assert results["rows"]["text pipeline"]["BLEU-1"] >= 0.6
    assert results["rows"]["phones and flite"] == results["rows"]["text pipeline"]
    # It says what it learned; said of other images, it would be wrong at most phones.
    assert 0 <= results["phone error rate"] < 0.5 and "phone error rate" in capsys.readouterr().out
    with pytest.raises(DataError, match=r"phones\.json: holds no phones"):
        open_phone_pipeline(model, Describer.load(world.model))
    assert set((flite / "said").read_text().splitlines()) >= set(TEXTS)


def test_texts_of_another_corpus_and_rare_words_are_refused(world, tmp_path):
    options: dict[str, Any] = {"out": tmp_path / "words"}
    with pytest.raises(DataError, match="has no words that occur 1000 times"):
        words(WordsConfig(world.corpus, world.source, least=1000, **options))
    with pytest.raises(ConfigError, match="--least"):
        words(WordsConfig(world.corpus, world.source, least=0, **options))
    other = make_source(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="has no text of the recordings"):
        words(WordsConfig(world.corpus, other, **options))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    with pytest.raises(DataError, match="choose another folder"):
        words(WordsConfig(world.corpus, world.source, tmp_path / "full", least=1))
    words(WordsConfig(world.corpus, world.source, least=1, **options))
    corpus = open_corpus(world.corpus)
    reverse = replace(corpus, files=corpus.files[::-1])
    with pytest.raises(DataError, match="of another corpus"):
        encode_corpus(reverse, tmp_path / "words")
    (tmp_path / "words" / "given.json").write_text('{"format": "avnet-given-1", "count": 2}')
    with pytest.raises(ModelFolderError, match="is not a folder of strings, or damaged"):
        encode_corpus(corpus, tmp_path / "words")


def test_units_of_either_kind_are_inspected(world, tmp_path, capsys):
    for units, recordings, count in ((world.codes, world.corpus, 8), (world.units, world.source, 10)):
        inspect(UnitsConfig(recordings, (units,), tmp_path / "out", limit=10))
        (row,) = json.loads((tmp_path / "out" / "units.json").read_text())["results"].values()
        printed = capsys.readouterr().out
        assert f"Units of {count} recordings" in printed and "perplexity" in printed
        assert 1 < row["units a second"] <= 50 and 1 < row["perplexity"] <= 8
        assert np.asarray(read_image(tmp_path / "out" / "units.png")).std() > 10
    with pytest.raises(ConfigError, match="--limit"):
        inspect(UnitsConfig(world.source, (world.units,), tmp_path, limit=0))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no recording that can be read"):
        inspect(UnitsConfig(tmp_path / "empty", (world.units,), tmp_path))
