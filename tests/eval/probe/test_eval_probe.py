import dataclasses
import json
import wave
from typing import cast

import jax.numpy as jnp
import numpy as np
import pytest
from random_networks import random_network
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from avnet import Model
from avnet.audio.config import SpectrogramConfig
from avnet.backbones.audio.backbone import AudioBackbone
from avnet.correspondence.config import ModelConfig
from avnet.errors import ConfigError, ModelFolderError
from avnet.media.audio import Waveform
from eval.__main__ import main
from eval.probe import audio_probe, classifier
from eval.probe.classifier import STRENGTHS, Recordings, answer, choose_strength, probe
from eval.probe.sounds import BackboneSide, ModelSide, open_sound_side, pool_grid

RATE = 8_000
FRONT = SpectrogramConfig(sample_rate=RATE, win_length=256, hop_length=128, n_fft=256, n_mels=16, f_max=4_000.0)
CONFIG = ModelConfig(network="l3", image_size=32, widths=(4, 4, 6, 8), embedding_size=8, spectrogram=FRONT)


def recordings(count=30, crops=1, noise=0.1, seed=0):
    """Three folds of two classes, which the first feature tells apart."""
    random = np.random.default_rng(seed)
    labels = np.array(["cat", "dog"])[np.arange(count) % 2]
    middles = np.array([[2 * (label == "dog") - 1, 0, 0] for label in labels])
    vectors = [middle + random.normal(scale=noise, size=(crops, 3)) for middle in middles]
    return Recordings(vectors, labels, np.array(["1", "2", "3"])[np.arange(count) // 2 % 3])


def test_classes_that_a_line_separates_are_told_apart_in_every_fold():
    results = probe(recordings(), seed=0)
    assert [result.fold for result in results] == ["1", "2", "3"]
    assert [result.accuracy for result in results] == [1.0, 1.0, 1.0]
    assert [result.majority_accuracy for result in results] == [0.5, 0.5, 0.5]


def test_the_majority_is_that_of_the_other_folds():
    labels, folds = np.array(list("aabababb")), np.array(list("11122333"))
    results = probe(Recordings([np.eye(8)[i : i + 1] for i in range(8)], labels, folds), seed=0)
    # Of folds 2 and 3 three of five are b, of 1 and 3 three of six are a, which comes first, of 1 and 2 three are a.
    assert [result.majority for result in results] == ["b", "a", "a"]
    assert [result.majority_accuracy for result in results] == [1 / 3, 1 / 2, 1 / 3]


def test_what_is_measured_on_a_fold_knows_nothing_of_it():
    source = recordings(noise=2.0)
    scrambled = source.labels.copy()
    scrambled[source.folds == "2"] = scrambled[source.folds == "2"][::-1]
    results = [
        probe(Recordings(source.vectors, labels, source.folds), seed=0)[1] for labels in (source.labels, scrambled)
    ]
    assert results[0].strength == results[1].strength
    np.testing.assert_array_equal(results[0].answers, results[1].answers)


def test_a_recording_is_judged_by_the_mean_score_of_its_crops():
    source = recordings(crops=4, noise=2.0)
    inside = source.folds == "1"
    train, test = source.where(~inside), source.where(inside)
    scaler = StandardScaler().fit(np.concatenate(train.vectors))
    machine = LinearSVC(C=0.01, random_state=0)
    machine.fit(scaler.transform(np.concatenate(train.vectors)), np.repeat(train.labels, 4))
    scores = [machine.decision_function(scaler.transform(crops)).mean() for crops in test.vectors]
    expected = np.where(np.array(scores) > 0, "dog", "cat")
    np.testing.assert_array_equal(answer(train, test, 0.01, seed=0), expected)


def test_the_strongest_regularization_is_chosen_among_equals(monkeypatch):
    right = {STRENGTHS[1], STRENGTHS[3]}

    def stub(train, test, strength, seed):
        return test.labels if strength in right else np.full(len(test.labels), "cat")

    monkeypatch.setattr(classifier, "answer", stub)
    assert choose_strength(recordings(), seed=0) == STRENGTHS[1]


def test_a_grid_is_pooled_by_cells_that_are_as_small_as_can_be():
    small = np.random.default_rng(0).normal(size=(2, 4, 6, 8)).astype(np.float32)
    np.testing.assert_array_equal(pool_grid(jnp.asarray(small)), small.reshape(2, -1))
    # The grid of the paper's tower for a second of sound becomes 4 x 3 cells of 512.
    large = np.random.default_rng(0).normal(size=(1, 16, 12, 512)).astype(np.float32)
    expected = large.reshape(1, 4, 4, 3, 4, 512).max(axis=(2, 4)).reshape(1, 6144)
    np.testing.assert_array_equal(pool_grid(jnp.asarray(large)), expected)


def test_a_model_gives_a_vector_for_each_of_its_overlapping_clips():
    model = Model(CONFIG, random_network(CONFIG))
    samples = np.random.default_rng(0).normal(scale=0.1, size=20_000).astype(np.float32)
    waveform = Waveform(samples, 0.0, RATE)
    clips = np.stack([samples[start : start + RATE] for start in (0, 4_000, 8_000, 12_000)])
    np.testing.assert_allclose(ModelSide(model, "embedding").embed(waveform), model.embed_waveforms(clips), rtol=1e-5)
    towers = ModelSide(model, "tower").embed(waveform)
    # 16 bands and 61 frames: halved, rounding up, then three times rounding down.
    assert towers.shape == (4, 1 * 3 * 8)
    # L3-Net's embedding is the largest value of each feature in the grid.
    np.testing.assert_allclose(towers.reshape(4, 3, 8).max(axis=1), model.embed_waveforms(clips), rtol=1e-4, atol=1e-6)
    assert ModelSide(model, "embedding").embed(Waveform(samples[:100], 0.0, RATE)).shape == (1, 8)


class Backbone:
    """Gives three vectors of any sound."""

    sample_rate = 16_000

    def embed(self, waveforms):
        return np.ones((len(waveforms), 3, 5)) * waveforms.shape[1]


def test_a_backbone_cuts_sounds_itself_and_has_one_layer():
    vectors = BackboneSide(cast(AudioBackbone, Backbone()), "embedding").embed(Waveform(np.zeros(7), 0.0, 16_000))
    np.testing.assert_array_equal(vectors, np.full((3, 5), 7))
    with pytest.raises(ConfigError, match="--layer: must be embedding"):
        BackboneSide(cast(AudioBackbone, Backbone()), "tower")


def test_the_kind_of_a_folder_says_which_side_it_has(tmp_path):
    model = Model(CONFIG, random_network(CONFIG))
    model.save(tmp_path / "model")
    side = open_sound_side(tmp_path / "model", "embedding")
    assert (type(side), side.sample_rate, side.artifact.fingerprint) == (ModelSide, RATE, model.fingerprint)
    with pytest.raises(ModelFolderError):
        open_sound_side(tmp_path, "embedding")


class ToneSide:
    """Hears how high a tone is."""

    sample_rate = RATE

    def __init__(self):
        self.artifact = dataclasses.make_dataclass("Artifact", ["config", "fingerprint"])(CONFIG, "0" * 64)

    def embed(self, waveform):
        halves = np.array_split(waveform.samples, 2)
        return np.array([[np.argmax(np.abs(np.fft.rfft(half, 512))), 1.0] for half in halves])


def make_tone(file, hertz, seconds=0.5):
    file.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes((samples * 32767).round().astype("<i2").tobytes())


@pytest.fixture
def esc50(tmp_path, monkeypatch):
    """Five folds of low dogs and high cats, and one frog that is damaged."""
    monkeypatch.setattr(audio_probe, "open_sound_side", lambda folder, layer: ToneSide())
    folder = tmp_path / "ESC-50"
    for fold in range(1, 6):
        for take, (target, hertz) in zip("ABC", ((0, 300), (0, 320), (5, 1500)), strict=True):
            make_tone(folder / "audio" / f"{fold}-{10 * fold}-{take}-{target}.wav", hertz + 10 * fold)
    (folder / "audio" / "1-1-A-4.wav").write_bytes(b"no sound")
    return folder


def run(tmp_path, folder, *options):
    main(["audio-probe", "yamnet", str(folder), "--out", str(tmp_path / "out"), *options])
    return json.loads((tmp_path / "out" / "audio-probe.json").read_text())


def test_the_program_prints_folds_beside_baselines_and_writes_how_it_came_about(esc50, tmp_path, capsys):
    report = run(tmp_path, esc50)
    output = capsys.readouterr().out
    results = report["results"]
    assert list(results["folds"]) == ["1", "2", "3", "4", "5"]
    assert results["folds"]["1"]["recordings"] == 3 and results["mean"] == 1.0 and results["standard deviation"] == 0.0
    assert results["majority"] == pytest.approx(2 / 3) and results["chance"] == 0.5
    assert results["classes"]["cat"] == {"recordings": 5, "accuracy": 1.0}
    assert report["left_out"]["unreadable"][0].startswith("1-1-A-4: ")
    assert report["settings"]["subset"] == "all" and report["model"]["fingerprint"] == "0" * 64
    for text in ("15 recordings of 2 classes", "fold 5, 3", "66.67", "79.30", "unreadable: 1 (1-1-A-4"):
        assert text in output


def test_the_program_measures_crops_and_the_classes_of_esc10_by_the_published_table(esc50, tmp_path):
    rows = [
        f"{fold}-{10 * fold}-{take}-0.wav,{fold},0,{name},{name == 'dog'}"
        for fold in range(1, 6)
        for take, name in (("A", "dog"), ("B", "cow"))
    ]
    rows.append("2-7-A-1.wav,2,1,rooster,True")
    (esc50 / "meta").mkdir()
    (esc50 / "meta" / "esc50.csv").write_text("\n".join(["filename,fold,target,category,esc10", *rows]))
    report = run(tmp_path, esc50, "--examples", "crops")
    assert list(report["results"]["classes"]) == ["cow", "dog"]
    assert report["left_out"]["missing"] == ["2-7-A-1"]
    with pytest.raises(SystemExit, match="2"):
        run(tmp_path, esc50, "--subset", "esc10")


@pytest.mark.parametrize(
    ("names", "refusal"),
    [
        (("1-1-A-0", "1-2-A-5", "2-3-A-0", "2-4-A-5"), "has recordings of 2 folds; at least 3 are needed"),
        (("1-1-A-0", "2-2-A-5", "3-3-A-0"), "has a single class in fold 1"),
        (("bark", "meow"), "holds neither meta/esc50.csv nor a sound"),
    ],
)
def test_recordings_from_which_nothing_can_be_learned_are_refused(tmp_path, monkeypatch, capsys, names, refusal):
    monkeypatch.setattr(audio_probe, "open_sound_side", lambda folder, layer: ToneSide())
    for name in names:
        make_tone(tmp_path / "sounds" / f"{name}.wav", 300)
    with pytest.raises(SystemExit, match="2"):
        run(tmp_path, tmp_path / "sounds")
    error = capsys.readouterr().err
    assert refusal in error and error.count("\n") == 1
