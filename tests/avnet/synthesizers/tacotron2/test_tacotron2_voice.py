"""A voice of a Tacotron 2: folders, what it says, and what it does where attention fails."""

import numpy as np
import pytest
from media.forged import forge_config
from random_networks import random_tacotron2

from avnet.errors import ModelFolderError
from avnet.events import Notice
from avnet.files.artifact import read_header
from avnet.files.kinds import TACOTRON2
from avnet.files.weights import arrays_of
from avnet.synthesizers.tacotron2.alignment import failure_of, measure_alignment
from avnet.synthesizers.tacotron2.network import Tacotron2
from avnet.synthesizers.tacotron2.voice import STRICT, TacotronVoice

UNITS = np.array([3, 1, 4, 1, 5])


@pytest.fixture(scope="module")
def network() -> Tacotron2:
    return random_tacotron2()


def test_a_folder_gives_back_what_was_written_for_its_units_alone(network, tmp_path):
    TacotronVoice(network).save(tmp_path / "t", "f" * 64)
    again = TacotronVoice.load(tmp_path / "t", "f" * 64).network
    assert again.config == network.config and again.decoder.dropout.deterministic
    one, other = arrays_of(network), arrays_of(again)
    assert one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)
    assert {"scale.deviation", "encoder.blocks.0.norm.var"} <= one.keys()
    with pytest.raises(ModelFolderError, match="was made with units of another fingerprint"):
        TacotronVoice.load(tmp_path / "t", "e" * 64)
    header = read_header(tmp_path / "t", TACOTRON2)
    assert TacotronVoice.summary(header) == {"tokens": "7", "speakers": "2", "frames a step": "2, of 10 ms"}


@pytest.mark.parametrize("change", [{"colour": 1}, {"tokens": 8}, {"width": 1e99}, {"prenet": None}])
def test_a_folder_whose_configuration_cannot_be_is_refused_in_one_line(network, tmp_path, change):
    TacotronVoice(network).save(tmp_path / "t", "f" * 64)
    forge_config(tmp_path / "t", lambda config: config.update(change))
    with pytest.raises(ModelFolderError) as refusal:
        TacotronVoice.load(tmp_path / "t")
    assert "\n" not in str(refusal.value)


def test_where_attention_fails_it_is_said_and_the_string_comes_again_within_bounds(network):
    # A network that never learned anything looks anywhere.
    (alone,) = network.infer([UNITS])
    failure = failure_of(measure_alignment(alone.alignment), alone.ending)
    assert failure is not None
    events = []
    (said,) = TacotronVoice(network, events.append).utterances([UNITS])
    (bounded,) = network.infer([UNITS], STRICT)
    assert np.array_equal(said.log_mel, bounded.log_mel)
    path = said.alignment.argmax(axis=1)
    assert set(np.diff(path)) <= {0, 1} and path[0] == 0
    (notice,) = events
    assert isinstance(notice, Notice) and failure.reason in notice.text and "\n" not in notice.text


def test_the_same_units_give_the_same_samples_and_unknown_ones_are_passed_over(network):
    voice = TacotronVoice(network)
    waveform = voice.speak(UNITS)
    assert waveform.dtype == np.float32 and len(waveform) % 160 == 0 and 0 < np.abs(waveform).max() <= 1
    assert np.array_equal(voice.speak(np.array([-1, 3, 1, 99, 4, 1, 5])), waveform)
    (streamed,) = voice.stream(iter(UNITS.tolist()))
    assert np.array_equal(streamed, waveform)
    assert voice.speak(np.array([99])).shape == voice.speak(np.array([], np.int64)).shape == (0,)
