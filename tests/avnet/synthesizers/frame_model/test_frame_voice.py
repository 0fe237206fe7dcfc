"""A voice of a frame model."""

import numpy as np
import pytest
from one_of_each import frame_voice
from random_networks import randomize

import avnet
from avnet.errors import DataError, ModelFolderError
from avnet.nn.abstract import abstract_network
from avnet.synthesizers.frame_model.config import FrameModelConfig
from avnet.synthesizers.frame_model.network import FrameModel
from avnet.synthesizers.frame_model.voice import FrameVoice

UNITS, DURATIONS = np.array([3, 1, 4]), np.array([2, 5, 3])


@pytest.fixture(scope="module")
def voice() -> FrameVoice:
    return frame_voice()


def test_it_is_a_synthesizer(voice):
    assert isinstance(voice, avnet.Synthesizer)


def test_it_says_ten_milliseconds_a_frame_always_alike(voice):
    said = voice.speak(UNITS, DURATIONS)
    assert said.dtype == np.float32 and len(said) == 10 * 160 and 0 < np.abs(said).max() <= 1
    assert np.array_equal(said, voice.speak(UNITS, DURATIONS))


def test_durations_of_its_own_are_whole_frames_at_least_one(voice):
    durations = voice.durations(UNITS)
    assert durations.min() >= 1 and len(voice.speak(UNITS)) == durations.sum() * 160


def test_units_that_do_not_exist_are_passed_over(voice):
    odd = np.array([-1, 3, 8, 1, 4, 99])
    assert np.array_equal(voice.speak(odd, np.array([9, 2, 9, 5, 3, 9])), voice.speak(UNITS, DURATIONS))
    assert len(voice.speak(np.array([], int))) == len(voice.speak(np.array([-7]))) == 0


def test_longer_strings_and_units_are_more_of_the_same(voice):
    units, durations = np.tile(UNITS, 13), np.tile(DURATIONS, 13)
    durations[5] = 400
    frames = voice.frames(units, durations)
    assert frames.shape == (2 * durations.sum(), 32) and np.isfinite(frames).all()
    assert np.allclose(frames[: 2 * 5], voice.frames(units[:24], durations[:24])[: 2 * 5], atol=1e-4)


def test_durations_that_cannot_be_are_refused(voice):
    for wrong in ([1, 2], [1, 0, 2]):
        with pytest.raises(DataError, match="durations: must be 3 whole numbers"):
            voice.frames(UNITS, np.array(wrong))


def test_spectra_are_said_by_griffin_lim():
    config = FrameModelConfig(units=8, parameters="mel", width=8, unit_blocks=0, frame_blocks=1, duration_width=8)
    voice = FrameVoice(randomize(abstract_network(lambda rngs: FrameModel(config, rngs=rngs))))
    assert len(voice.speak(UNITS, DURATIONS)) == 10 * 160


def test_a_folder_is_refused_for_other_units(voice, tmp_path):
    voice.save(tmp_path / "voice", "a" * 64)
    again = FrameVoice.load(tmp_path / "voice", "a" * 64)
    assert np.array_equal(again.speak(UNITS, DURATIONS), voice.speak(UNITS, DURATIONS))
    with pytest.raises(ModelFolderError, match="units"):
        FrameVoice.load(tmp_path / "voice", "b" * 64)
