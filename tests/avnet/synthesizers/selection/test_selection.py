import itertools

import numpy as np
import pytest
from spoken.vowels import vowels

from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import DataError
from avnet.synthesizers.selection.voice import Piece, Voice
from avnet.units.kmeans import KMeansUnits
from avnet.units.strings import Strings, UnitString
from train.units.program import fit_units


@pytest.fixture(scope="module")
def units() -> KMeansUnits:
    rng = np.random.default_rng(1)
    return fit_units([vowels(rng.integers(0, 3, 10).tolist(), seed) for seed in range(6)], 8, penalty=20.0)


@pytest.fixture(scope="module")
def voice(units) -> Voice:
    waveforms = [
        vowels([0, 1, 2], 20),
        vowels([2, 0, 1], 21),
        np.zeros(100, np.float32),
        vowels([1, 0, 2], 22),
    ]
    return Voice.of(waveforms, Strings.of(units.encode_all(waveforms)), units)


def test_what_was_said_is_replayed(voice):
    for number in (0, 1, 3):
        string = voice.strings[number]
        assert voice.select(string.units) == [Piece(number, 0, string.frames)]
        assert (voice.speak(string.units) == voice.waveforms[number]).all()


def test_what_was_never_said_is_joined_from_the_fewest_pieces(voice, units):
    target = np.concatenate([voice.strings[0].units, voice.strings[3].units])
    target = np.array([unit for unit, _ in itertools.groupby(target.tolist())])
    pieces = voice.select(target)
    assert 2 <= len(pieces) <= 3
    speech = voice.speak(target)
    assert np.abs(speech).max() <= 1.0 and len(speech) / SPEECH_RATE == pytest.approx(1.2, abs=0.1)
    again = units.encode(speech).units
    assert len(np.intersect1d(again, target)) >= 0.7 * len(np.unique(target))


def test_pieces_say_the_wanted_units_in_order(voice):
    rng = np.random.default_rng(0)
    all_units = np.unique(np.concatenate([string.units for string in voice.strings]))
    target = rng.choice(all_units, 30)
    target = target[np.insert(np.diff(target) != 0, 0, True)]
    speech = []
    for piece in voice.select(target):
        string = voice.strings[piece.recording]
        inside = (string.starts >= piece.first) & (string.starts < piece.last)
        speech += string.units[inside].tolist()
    assert speech == target.tolist()


def test_joins_do_not_click(voice):
    target = np.concatenate([voice.strings[1].units, voice.strings[0].units[:2], voice.strings[3].units])
    target = target[np.insert(np.diff(target) != 0, 0, True)]
    speech = voice.speak(target)
    steps = max(np.abs(np.diff(waveform)).max(initial=0) for waveform in voice.waveforms)
    assert np.abs(np.diff(speech)).max() <= 1.2 * steps


def test_unknown_units_are_passed_over_and_nothing_is_silence(voice):
    assert len(voice.speak(np.array([999, 1000]))) == 0 == len(voice.speak(np.zeros(0, np.int64)))
    string = voice.strings[0]
    assert len(voice.select(np.concatenate([[999], string.units]))) == 1


def test_a_voice_without_speech_is_refused(units):
    for waveforms in ([], [np.zeros(10, np.float32)]):
        with pytest.raises(DataError, match="voice"):
            Voice.of(waveforms, Strings.of(units.encode_all(waveforms)), units)


def test_the_stream_says_what_was_wanted_before_the_last_unit_is_there(voice):
    target = np.concatenate([voice.strings[0].units, voice.strings[3].units, voice.strings[1].units])
    calls = []

    def units_one_by_one():
        for unit in target:
            calls.append(unit)
            yield unit

    stream = voice.stream(units_one_by_one())
    first = next(stream)
    assert len(first) and len(calls) < len(target)
    speech = np.concatenate([first, *stream])
    assert len(speech) == pytest.approx(len(voice.speak(target)), abs=SPEECH_RATE // 20)


def test_the_stream_of_a_known_string_is_its_recording(voice):
    string = voice.strings[1]
    speech = np.concatenate(list(voice.stream(string.units.tolist())))
    assert (speech == voice.waveforms[1]).all()
    assert sum(map(len, voice.stream([999]))) == 0


def test_the_longest_match_is_found_however_often_its_middle_was_said():
    # All say the middle of what is wanted, and the last recording all of it.
    middle, target = [9, 1, 2, 3, 4, 5, 9], np.array([7, 1, 2, 3, 4, 5, 8])
    strings = [UnitString(np.array(row), np.arange(7) * 4, 28) for row in [middle] * 900 + [target.tolist()]]
    cepstra = np.random.default_rng(0).normal(size=(28 * len(strings), 13))
    voice = Voice([np.zeros(28 * 160, np.float32)] * len(strings), Strings.of(strings), cepstra)
    assert voice.select(target) == [Piece(900, 0, 28)]
