import itertools

import librosa
import numpy as np
import pytest
from media.forged import forge_arrays, forge_config
from PIL import Image
from spoken.vowels import vowels

from avnet.audio.mfcc import FRONT, differences, mfcc
from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import ConfigError, DataError, ModelFolderError, TrainingError
from avnet.media import write_wav
from avnet.units.kmeans import KMeansUnits, squared_distances
from avnet.units.registry import read_any_units
from avnet.units.strings import UnitString, seconds_of
from avnet.units.viterbi import best_paths
from eval.spoken.segmentation import unit_statistics
from train.units.config import UnitsConfig
from train.units.program import fit_units
from train.units.program import units as learn


@pytest.fixture(scope="module")
def units() -> KMeansUnits:
    rng = np.random.default_rng(1)
    return fit_units([vowels(rng.integers(0, 3, 10).tolist(), seed) for seed in range(6)], 8, penalty=20.0)


def test_cepstra_agree_with_librosa():
    waveform = vowels([0, 1, 2])
    ours = mfcc(waveform)[:, :13]
    # librosa puts the window of 400 into the middle of the 512 of the transform.
    batch = np.pad(waveform, (56, 512))
    power = np.abs(librosa.stft(batch, n_fft=512, hop_length=160, win_length=400, center=False)) ** 2
    filters = librosa.filters.mel(sr=SPEECH_RATE, n_fft=512, n_mels=40, fmin=20, fmax=8000, htk=True, norm=None)
    log_mel = np.log(np.sqrt(filters @ power) + FRONT.floor)
    theirs = librosa.feature.mfcc(S=log_mel, n_mfcc=13, norm="ortho").T
    assert ours == pytest.approx(theirs[: len(ours)], abs=2e-3)
    assert ours.shape == (FRONT.frames(len(waveform)), 13)


def test_differences_are_slopes():
    line = np.arange(10.0)[:, None] * [1.0, -2.0]
    assert differences(line)[2:-2] == pytest.approx(np.tile([1.0, -2.0], (6, 1)))
    assert differences(np.ones((4, 2))) == pytest.approx(np.zeros((4, 2)))


def test_length_changes_no_frame_and_too_little_gives_none():
    waveform = vowels([0, 1, 2, 1, 0, 2, 1])
    part = mfcc(waveform[: SPEECH_RATE // 2])
    assert part[:-4] == pytest.approx(mfcc(waveform)[: len(part) - 4], abs=1e-4)
    assert mfcc(np.zeros(399, np.float32)).shape == (0, 39) and mfcc(np.zeros(400, np.float32)).shape == (1, 39)


def test_distances_are_worked_out_by_hand():
    result = squared_distances(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0], [3.0, 0.0]]))
    assert result == pytest.approx(np.array([[0.0, 9.0], [25.0, 16.0]]))


def best_path(costs, penalty):
    return best_paths(np.asarray(costs, np.float32)[None], penalty)[0]


def test_path_changes_only_where_it_pays():
    costs = np.array([[0.0, 5.0], [0.0, 5.0], [3.0, 0.0], [0.0, 5.0]])
    assert best_path(costs, 0.0).tolist() == [0, 0, 1, 0]
    assert best_path(costs, 1.0).tolist() == [0, 0, 1, 0]
    assert best_path(costs, 2.0).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("seed", range(10))
def test_path_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    costs, penalty = rng.uniform(0, 10, (6, 3)), float(rng.uniform(0, 8))

    def total(labels):
        changes = sum(a != b for a, b in itertools.pairwise(labels))
        return sum(costs[t, label] for t, label in enumerate(labels)) + penalty * changes

    best = min(itertools.product(range(3), repeat=6), key=total)
    assert total(best_path(costs, penalty)) == pytest.approx(total(best))


def test_padding_changes_no_path():
    costs = np.random.default_rng(0).uniform(0, 10, (2, 9, 4)).astype(np.float32)
    batch = np.concatenate([costs, np.zeros((2, 5, 4), np.float32)], axis=1)
    assert (best_paths(batch, 3.0)[:, :9] == best_paths(costs, 3.0)).all()


def test_recordings_of_a_batch_are_encoded_as_if_alone(units):
    waveforms = [vowels([0, 1, 2]), np.zeros(10, np.float32), vowels([1] * 9), vowels([2, 0])]
    for together, waveform in zip(units.encode_all(waveforms), waveforms, strict=True):
        alone = units.encode(waveform)
        assert together.units.tolist() == alone.units.tolist() and together.frames == alone.frames
    assert units.encode_all([]) == []


def test_equal_vowels_get_equal_units_and_others_others(units):
    majority = []
    for number in range(3):
        string = units.encode(vowels([number] * 3, seed=100 + number))
        majority.append(int(string.units[string.durations.argmax()]))
    assert len(set(majority)) == 3
    string = units.encode(vowels([0, 1, 2, 0], seed=7))
    long = [int(unit) for unit, frames in zip(string.units, string.durations, strict=True) if frames >= 10]
    assert [unit for unit, _ in itertools.groupby(long)] == [majority[number] for number in (0, 1, 2, 0)]


def test_runs_are_collapsed_and_their_durations_add_up(units):
    waveform = vowels([0, 1, 2, 1, 0])
    string = units.encode(waveform)
    assert (np.diff(string.units) != 0).all() and string.starts[0] == 0
    assert string.durations.sum() == string.frames == FRONT.frames(len(waveform))
    assert seconds_of(string) == pytest.approx(1.0, abs=0.03)
    assert len(KMeansUnits(units.centroids, units.mean, units.spread, 0.0).encode(waveform).units) > len(string.units)
    assert len(units.encode(np.zeros(100, np.float32)).units) == 0


def test_folder_gives_back_what_was_written(units, tmp_path):
    units.save(tmp_path / "units")
    copy = KMeansUnits.load(tmp_path / "units")
    assert (copy.centroids == units.centroids).all() and copy.penalty == units.penalty
    assert copy.encode(vowels([0, 1])).units.tolist() == units.encode(vowels([0, 1])).units.tolist()


@pytest.mark.parametrize("penalty", [-1.0, "much", None, [1.0]])
def test_a_penalty_that_cannot_be_is_refused(units, tmp_path, penalty):
    units.save(tmp_path / "units")
    forge_config(tmp_path / "units", lambda config: config.update(penalty=penalty))
    with pytest.raises(ModelFolderError, match="is not a set of units, or damaged"):
        KMeansUnits.load(tmp_path / "units")


@pytest.mark.parametrize("name", ["centroids", "mean", "spread"])
def test_arrays_that_cannot_be_are_refused(units, tmp_path, name):
    for change in (lambda arrays: arrays.pop(name), lambda arrays: arrays[name].fill(np.nan)):
        units.save(tmp_path / "units")
        forge_arrays(tmp_path / "units", change)
        with pytest.raises(ModelFolderError, match="is not a set of units, or damaged"):
            KMeansUnits.load(tmp_path / "units")


def test_program_learns_from_a_folder_and_shows_what_came_of_it(tmp_path, capsys):
    rng = np.random.default_rng(0)
    (tmp_path / "said").mkdir()
    for i in range(12):
        write_wav(tmp_path / "said" / f"{i}.wav", vowels(rng.integers(0, 3, 8).tolist(), i), SPEECH_RATE)
    (tmp_path / "said" / "notes.wav").write_text("no sound")
    result = learn(UnitsConfig(tmp_path / "said", tmp_path / "units", count=8))
    assert result["recordings"] == 12 and 2 < result["units a second"] < 30 and 2 < result["perplexity"] <= 8
    output = capsys.readouterr()
    assert "left out:" in output.err and "notes.wav" in output.err and "units a second" in output.out
    assert read_any_units(tmp_path / "units").count == 8
    with Image.open(tmp_path / "units" / "units.png") as drawing:
        assert np.asarray(drawing.convert("L")).std() > 10


def test_perplexity_and_bits_are_worked_out_by_hand():
    string = UnitString(np.array([0, 1, 2, 3]), np.array([0, 50, 100, 150]), 200)
    figures = {"units a second": 2.0, "perplexity": 4.0, "seconds a unit": 0.5}
    # Two bits a unit; all last equally long.
    rates = {"bits a second": 4.0, "bits with durations": 4.0}
    assert unit_statistics([string], 8) == pytest.approx(figures | rates)
    empty = UnitString(np.zeros(0, np.int64), np.zeros(0, np.int64), 0)
    assert unit_statistics([empty], 8)["units a second"] == 0.0


def test_program_refuses_in_one_line(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        learn(UnitsConfig(tmp_path / "nowhere", tmp_path / "units"))
    with pytest.raises(DataError, match="holds 0 recordings"):
        learn(UnitsConfig(tmp_path, tmp_path / "units"))
    for count, penalty, seed in ((1, 20.0, 0), (200, -1.0, 0), (200, 20.0, -1)):
        with pytest.raises(ConfigError):
            UnitsConfig(tmp_path, tmp_path, count, penalty, seed)


def test_what_cannot_be_is_refused(units, tmp_path):
    with pytest.raises(ModelFolderError):
        KMeansUnits.load(tmp_path / "nowhere")
    with pytest.raises(TrainingError, match="fewer than 500 units"):
        fit_units([vowels([0])], 500, 20.0)
    with pytest.raises(TrainingError, match="have 0 frames"):
        fit_units([], 5, 20.0)
    for change in ({"penalty": -1.0}, {"mean": np.zeros(3)}, {"centroids": np.full((2, 39), np.nan)}):
        with pytest.raises(ConfigError):
            KMeansUnits(**{**vars(units), **change})
