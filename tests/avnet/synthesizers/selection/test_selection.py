import itertools

import numpy as np
import pytest
from spoken.vowels import vowel_strings, vowels

from avnet.audio.mfcc import static_cepstra
from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import DataError
from avnet.synthesizers.selection.join_features import JoinFeatures
from avnet.synthesizers.selection.voice import Piece, Voice, coupling
from avnet.synthesizers.source_filter.pitch import pitch as pitch_of
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
    voice = Voice([np.zeros(28 * 160, np.float32)] * len(strings), Strings.of(strings), cepstra, np.zeros(len(cepstra)))
    assert voice.select(target) == [Piece(900, 0, 28)]


def test_the_longest_match_is_never_lost_among_many_long_ones():
    # Fifty recordings say 25 of the wanted units around the middle; the last one alone says all.
    target = np.arange(60)
    rows = [np.concatenate([[99], target[17:43], [99]])] * 50 + [target]
    strings = [UnitString(row, np.arange(len(row)) * 2, 2 * len(row)) for row in rows]
    cepstra = np.random.default_rng(0).normal(size=(sum(string.frames for string in strings), 13))
    waveforms = [np.zeros(160 * string.frames + 240, np.float32) for string in strings]
    voice = Voice(waveforms, Strings.of(strings), cepstra, np.zeros(len(cepstra)))
    assert voice.select(target) == [Piece(50, 0, 120)]


def test_costs_of_coupling_by_hand():
    one, other = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 0.0]]), np.array([[0.0, 0.0], [0.0, 0.0], [2.0, 0.0]])
    # Apart by 0, 2 and 0 (halves of squares); one changes by 2 at first, the other by 2 then.
    assert coupling(one, other).tolist() == [0 + 2 + 2 + 0, 2 + 0 + 0 + 2]
    assert coupling(one, one).tolist() == [4, 0]


def test_a_join_moves_to_where_both_sides_are_alike_and_steady():
    # Both go over from 0 to 1, the first recording two frames after its unit ends, the second four before its begins.
    levels = [np.repeat([0.0, 1.0], [12, 8]), np.repeat([0.0, 1.0], [6, 14])]
    cepstra = np.concatenate(levels)[:, None] * np.ones(13)
    strings = [UnitString(np.array(pair), np.array([0, 10]), 20) for pair in ([1, 5], [6, 2])]
    waveforms = [np.zeros(400 + 19 * 160, np.float32)] * 2
    voice = Voice(waveforms, Strings.of(strings), cepstra, np.zeros(40))
    pieces = voice.select(np.array([1, 2]))
    assert pieces == [Piece(0, 0, 10), Piece(1, 10, 20)]
    # From frame 12 on both are 1; a join before it costs a change, and one a frame later none.
    assert voice._couple(pieces) == [Piece(0, 0, 13), Piece(1, 13, 20)]
    assert voice._couple(pieces[:1]) == pieces[:1]


def test_a_join_prefers_the_pitch_that_goes_on():
    # Unit 2 never follows unit 1. Of two recordings that say it, alike else, the second is as high as unit 1 was.
    rows = [([1, 5], 100.0, 200.0), ([6, 2], 160.0, 200.0), ([6, 2], 100.0, 200.0)]
    strings = [UnitString(np.array(units), np.array([0, 10]), 20) for units, _, _ in rows]
    hertz = np.concatenate([np.repeat([first, second], 10) for _, first, second in rows])
    waveforms = [np.zeros(400 + 19 * 160, np.float32)] * len(rows)
    for pitch, recording in ((hertz, 2), (np.zeros(60), 1)):
        voice = Voice(waveforms, Strings.of(strings), np.zeros((60, 13)), pitch)
        assert voice.select(np.array([1, 2])) == [Piece(0, 0, 10), Piece(recording, 10, 20)]


def test_distances_of_pitch_by_hand():
    # Logarithms 0 and 2 around a mean of 1, with a spread of 1; the third frame has no pitch.
    features = JoinFeatures(np.zeros((3, 13)), np.array([100.0, 100.0 * np.e**2, 0.0]))
    rows = features.of(np.arange(3)).astype(np.float64)
    distances = np.square(rows[:, None] - rows[None]).sum(axis=-1)
    assert distances == pytest.approx(np.array([[0, 4, 2], [4, 0, 2], [2, 2, 0]]), abs=1e-5)
    without = JoinFeatures(np.zeros((2, 13)), np.zeros(2)).of(np.array([[0, 1]]))
    assert without.shape == (1, 2, 15) and not without.any()
    with pytest.raises(DataError, match="3 frames of cepstra and 2 of pitch"):
        JoinFeatures(np.zeros((3, 13)), np.zeros(2))


def test_a_join_takes_at_most_half_of_a_unit(voice):
    rng = np.random.default_rng(2)
    every = np.unique(np.concatenate([string.units for string in voice.strings]))
    target = rng.choice(every, 40)
    pieces = voice.select(target[np.insert(np.diff(target) != 0, 0, True)])
    coupled = voice._couple(pieces)
    assert len(coupled) == len(pieces) > 3 and coupled != pieces
    assert sum(one.last - one.first for one in coupled) == sum(one.last - one.first for one in pieces)
    for one, moved in zip(pieces, coupled, strict=True):
        assert 0 <= moved.first < moved.last <= voice.strings.frames[moved.recording]
        assert moved.last - moved.first >= 1 and abs(moved.last - one.last) <= 3


def test_the_same_units_in_two_voices_are_the_same_vowels_at_another_pitch(units):
    numbers = np.array([0, 1, 2, 1, 0, 2, 0])
    models = [static_cepstra(vowels([number], 40))[:, 1:].mean(axis=0) for number in range(3)]
    for pitch in (120.0, 150.0):
        waveforms, strings = vowel_strings(pitch=pitch)
        speech = Voice.of(waveforms, Strings.of(strings), units).speak(numbers)
        log_f0, voiced = pitch_of(speech, len(speech) // 80)
        assert np.exp(np.median(log_f0[voiced > 0.5])) == pytest.approx(pitch, rel=0.03)
        # The middle of each vowel is nearest to that vowel, in either voice.
        cepstra = static_cepstra(speech)[:, 1:]
        middles = [cepstra[20 * place + 6 : 20 * place + 12].mean(axis=0) for place in range(len(numbers))]
        distances = [[np.linalg.norm(one - model) for model in models] for one in middles]
        assert np.argmin(distances, axis=1).tolist() == numbers.tolist()
