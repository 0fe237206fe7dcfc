"""Learning a voice of trees."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile
from spoken.vowels import vowels

from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import ConfigError, ModelFolderError, TrainingError
from avnet.files.artifact import CARD
from avnet.synthesizers.cluster_gen.voice import ClusterVoice
from avnet.synthesizers.voice import open_voice
from avnet.units.kmeans import KMeansUnits
from avnet.units.strings import UnitString
from train.cluster_gen.config import ClusterGenConfig
from train.cluster_gen.program import cluster_gen, learn_voice, unit_means
from train.cluster_gen.trees import learn_clusters, unit_coordinates
from train.frame_model.batches import Example
from train.units.program import fit_units

HERE = Path()


def config(**options: Any) -> ClusterGenConfig:
    return ClusterGenConfig(HERE, HERE, HERE, **options)


def echo(numbers: np.ndarray, durations: np.ndarray) -> Example:
    """Every frame holds the number of the unit before its own, which a unit alone does not tell; half have voice."""
    string = UnitString(numbers, np.cumsum(durations) - durations, int(durations.sum()))
    before = np.repeat(np.append(0, numbers[:-1]), 2 * durations)
    columns = np.repeat(before[:, None], 32, axis=1).astype(np.float32)
    # A little of the unit itself: by that neighbours know it.
    columns[:, 2:27] += 0.2 * np.repeat(numbers, 2 * durations)[:, None]
    columns[:, 1] = before % 2
    return Example(string, columns)


@pytest.fixture(scope="module")
def echoes() -> list[Example]:
    rng = np.random.default_rng(0)
    # Neighbours are never equal.
    numbers = [np.cumsum(rng.integers(1, 4, 20)) % 4 for _ in range(20)]
    return [echo(one, one + 2 + (np.roll(one, 1) > one)) for one in numbers]


def test_what_comes_before_is_learned_which_the_mean_of_a_unit_cannot_say(echoes):
    voice, figures = learn_voice(config(leaf=4), echoes, 5)
    trees, means = figures["trees"], figures["mean of the unit"]
    assert trees["mel_cepstral_distortion"] < 0.4 * means["mel_cepstral_distortion"]
    assert trees["voicing_error"] < 0.1 and trees["voicing_error"] < 0.5 * means["voicing_error"]
    assert trees["duration_error"] < means["duration_error"]
    assert voice.clusters.vocabulary.tolist() == [0, 1, 2, 3]


def test_one_leaf_a_unit_says_its_mean_frame(echoes):
    clusters = learn_clusters(echoes, 4, 1, 10**6, 0)
    means = unit_means(echoes, 4)
    assert np.allclose(clusters.filter.mean[:, :26], means[:, 1:27], atol=2e-3)
    assert np.allclose(clusters.source.mean[:, 0], means[:, 0], atol=2e-3)


def test_equal_seeds_grow_equal_voices_and_leaves_have_a_bound(echoes):
    one, again = (learn_clusters(echoes, 4, 2, 4, 7).arrays for _ in range(2))
    assert all(np.array_equal(array, again[name]) for name, array in one.items())
    assert len(one["filter.mean"]) > 20 >= len(learn_clusters(echoes, 4, 2, 4, 7, leaves=20).filter.mean)


def test_leaves_in_steps_take_half_of_the_space_and_say_nearly_the_same(echoes):
    (small, figures), (_, exact) = (learn_voice(config(bits=bits), echoes, 4) for bits in (8, 16))
    assert small.clusters.filter.mean.dtype == small.clusters.source.deviation.dtype == np.uint8
    # A tenth of a decibel where trees know nearly all; beside the 4 dB of real speech it is nothing.
    for name, off in (("mel_cepstral_distortion", 0.1), ("f0_rmse_cents", 5.0)):
        assert figures["trees"][name] < exact["trees"][name] + off


def test_units_that_sound_alike_lie_near_each_other():
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(4), 50)
    columns = np.array([0.0, 0.1, 3.0, 9.0])[owner][:, None] + 0.01 * rng.normal(size=(200, 32))
    columns[:, 5] = 1.0
    coordinates = unit_coordinates(columns, owner, 6)
    distances = np.linalg.norm(coordinates[:4, None] - coordinates[None, :4], axis=-1)
    assert distances[0, 1] < 0.1 * distances[0, 2] < 0.1 * distances[0, 3]
    assert not coordinates[4:].any() and np.isfinite(coordinates).all()


def test_too_little_speech_and_wrong_options_are_refused(echoes):
    with pytest.raises(TrainingError, match="at least two with speech, got 1"):
        learn_voice(config(), echoes[:1], 4)
    silent = [Example(one.string, one.columns * (np.arange(32) != 1)) for one in echoes]
    with pytest.raises(TrainingError, match="have no voice"):
        learn_voice(config(), silent, 4)
    others = [
        Example(UnitString(one.string.units + 4, one.string.starts, one.string.frames), one.columns) for one in echoes
    ]
    with pytest.raises(TrainingError, match="have no unit of the others"):
        learn_voice(config(), [others[0], *echoes[1:10]], 8)
    for wrong in ({"trees": 0}, {"leaf": 0}, {"max_recordings": -1}, {"seed": -1}):
        with pytest.raises(ConfigError):
            config(**wrong)


def test_the_program_makes_a_voice_of_a_folder_of_recordings(tmp_path, capsys):
    waveforms = [vowels(np.roll([0, 1, 2, 1], seed).tolist(), seed) for seed in range(4)]
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for number, waveform in enumerate(waveforms):
        wavfile.write(recordings / f"{number}.wav", SPEECH_RATE, (waveform * 32767).astype(np.int16))
    units = fit_units(waveforms, 6, 20.0)
    units.save(tmp_path / "units")
    figures = cluster_gen(ClusterGenConfig(recordings, tmp_path / "units", tmp_path / "voice"))
    output = capsys.readouterr().out
    assert figures["trees"]["mel_cepstral_distortion"] < 4 and "mean of the unit" in output and "voice: " in output
    voice = open_voice(tmp_path / "voice", units)
    assert isinstance(voice, ClusterVoice)
    string = units.encode(waveforms[0])
    assert len(voice.speak(string.units, string.durations)) == 160 * string.frames
    assert "| mel-cepstral distortion, dB |" in (tmp_path / "voice" / CARD).read_text()
    other = KMeansUnits(units.centroids + 1, units.mean, units.spread, 20.0)
    with pytest.raises(ModelFolderError, match="was made with units of another fingerprint"):
        open_voice(tmp_path / "voice", other)
