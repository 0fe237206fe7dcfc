"""A voice of trees."""

import dataclasses

import numpy as np
import pytest
from one_of_each import cluster_voice
from safetensors.numpy import save_file

import avnet
from avnet.errors import ConfigError, DataError, ModelFolderError
from avnet.files.artifact import WEIGHTS, new_artifact
from avnet.files.kinds import CLUSTER_GEN
from avnet.synthesizers.cluster_gen.clusters import FILTER, SOURCE, Clusters
from avnet.synthesizers.cluster_gen.voice import ClusterVoice

UNITS, DURATIONS = np.array([3, 1, 4]), np.array([2, 5, 3])


@pytest.fixture(scope="module")
def voice() -> ClusterVoice:
    return cluster_voice()


def test_it_is_a_synthesizer(voice):
    assert isinstance(voice, avnet.Synthesizer)


def test_filter_and_source_divide_the_columns():
    assert sorted([*FILTER, *SOURCE]) == list(range(32))


def test_it_says_ten_milliseconds_a_frame_always_alike(voice):
    said = voice.speak(UNITS, DURATIONS)
    assert said.dtype == np.float32 and len(said) == 10 * 160 and 0 < np.abs(said).max() <= 1
    assert np.array_equal(said, voice.speak(UNITS, DURATIONS))
    assert np.array_equal(np.concatenate(list(voice.stream(UNITS.tolist()))), voice.speak(UNITS))


def test_durations_of_its_own_are_rounded_together(voice):
    # The leaf of unit u holds u + 3 frames.
    assert voice.durations(UNITS).tolist() == [6, 4, 7] and len(voice.speak(UNITS)) == 17 * 160
    halves = np.full_like(voice.clusters.duration.mean, 2.5)
    duration = dataclasses.replace(voice.clusters.duration, mean=halves)
    half = ClusterVoice(dataclasses.replace(voice.clusters, duration=duration))
    durations = half.durations(np.array([3, 1] * 10))
    assert durations.sum() == 50 and set(durations) == {2, 3}


def test_units_that_were_never_heard_are_passed_over(voice):
    odd = np.array([-1, 3, 8, 1, 7, 4, 99])
    assert np.array_equal(voice.speak(odd, np.array([9, 2, 9, 5, 9, 3, 9])), voice.speak(UNITS, DURATIONS))
    assert len(voice.speak(np.array([], int))) == len(voice.speak(np.array([7, -7]))) == 0


def test_frames_without_voice_have_no_strengths_and_a_pitch_that_is_no_jump(voice):
    frames = voice.frames(np.array([3, 6, 1]), np.array([4, 4, 4]))
    assert frames.shape == (24, 32) and np.isfinite(frames).all() and set(frames[:, 1]) <= {0, 1}
    assert not frames[8:16, 1].any() and not frames[frames[:, 1] == 0][:, 27:].any()


def test_durations_that_cannot_be_are_refused(voice):
    for wrong in ([1, 2], [1, 0, 2]):
        with pytest.raises(DataError, match="durations: must be 3 whole numbers"):
            voice.frames(UNITS, np.array(wrong))


def test_a_folder_is_refused_for_other_units(voice, tmp_path):
    voice.save(tmp_path / "voice", "a" * 64)
    again = ClusterVoice.load(tmp_path / "voice", "a" * 64)
    assert np.array_equal(again.speak(UNITS, DURATIONS), voice.speak(UNITS, DURATIONS))
    with pytest.raises(ModelFolderError, match="units"):
        ClusterVoice.load(tmp_path / "voice", "b" * 64)


@pytest.mark.parametrize("damage", ["circle", "nan", "missing", "extra", "feature", "coordinates"])
def test_damaged_arrays_are_refused_in_one_line(voice, tmp_path, damage):
    arrays = {name: array.copy() for name, array in voice.clusters.arrays.items()}
    if damage == "circle":
        arrays["source.children"][0] = 0
    elif damage == "nan":
        arrays["coordinates"][1, 1] = np.nan
    elif damage == "missing":
        del arrays["filter.roots"]
    elif damage == "extra":
        arrays["more"] = np.zeros(1, np.float32)
    elif damage == "feature":
        arrays["duration.feature"][0] = 32
    else:
        arrays["coordinates"] = arrays["coordinates"][:7]
    with new_artifact(tmp_path / "voice", CLUSTER_GEN) as draft:
        save_file(arrays, draft.folder / WEIGHTS)
    with pytest.raises(ModelFolderError, match="is not a voice of trees, or damaged") as refusal:
        ClusterVoice.load(tmp_path / "voice")
    assert "\n" not in str(refusal.value)


def test_parts_of_other_sizes_are_refused(voice):
    for coordinates in (np.zeros((8, 4), np.float32), np.zeros((8, 5)), np.zeros((0, 5), np.float32)):
        with pytest.raises(ConfigError, match="coordinates"):
            dataclasses.replace(voice.clusters, coordinates=coordinates)
    with pytest.raises(ConfigError, match="filter: must be of 8 units and 52 columns"):
        dataclasses.replace(voice.clusters, filter=voice.clusters.source)
    assert isinstance(Clusters.of(voice.clusters.arrays), Clusters)
