import shutil

import numpy as np
import pytest
from stand_in_flite import TONE, StandInFlite

from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import ConfigError, DataError
from avnet.synthesizers.flite.program import Flite, FliteError
from avnet.synthesizers.flite.speakers import PhoneSpeaker, WordSpeaker

WORDS = ["", "it", "is", "n't", "boy", "'s", "twenty-one"]


@pytest.fixture
def flite(tmp_path, monkeypatch) -> StandInFlite:
    return StandInFlite(tmp_path / "bin", monkeypatch)


def test_strings_of_words_are_said_as_people_write_them(flite):
    waveform = WordSpeaker(WORDS).speak(np.array([1, 2, 3, 0, 6, 4, 5]))
    assert flite.said == ["it isn't twenty-one boy's"]
    assert waveform == pytest.approx(TONE, abs=1e-4)


def test_without_a_word_that_is_known_there_is_silence(flite):
    assert not WordSpeaker(WORDS).speak(np.array([0])).any() and not flite.said


def test_what_flite_cannot_say_and_voices_that_it_lacks_are_refused(flite, tmp_path, monkeypatch):
    with pytest.raises(FliteError, match="ended with code 3"):
        WordSpeaker(WORDS).say("it FAILS")
    with pytest.raises(ConfigError, match="flite lacks rms; it has kal, slt"):
        WordSpeaker(WORDS, "rms")
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"flite: is not installed \(apt-get install flite\)"):
        WordSpeaker(WORDS)


def test_strings_of_phones_are_said_as_they_are(flite):
    speaker = PhoneSpeaker(["pau", "n", "ow"])
    assert speaker.speak(np.array([0, 1, 2, 0])) == pytest.approx(TONE, abs=1e-4) and flite.said == ["pau n ow pau"]
    assert not speaker.speak(np.array([], np.int64)).any() and len(flite.said) == 1


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_the_real_flite_says_a_sentence():
    waveform = WordSpeaker(WORDS).say("it isn't a boy's")
    assert 0.5 < len(waveform) / SPEECH_RATE < 3 and np.abs(waveform).max() > 0.05


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_the_real_flite_names_phones_that_it_can_say():
    flite = Flite.find(5)
    timed = flite.phones("It barks.", "slt")
    assert [name for name, _ in timed] == ["pau", "ih", "t", "b", "aa", "r", "k", "s", "pau"]
    said = WordSpeaker(WORDS).say("It barks.")
    assert timed[-1][1] == pytest.approx(len(said) / SPEECH_RATE, abs=0.02)
    names = sorted({name for name, _ in timed})
    waveform = PhoneSpeaker(names).speak(np.array([names.index(name) for name, _ in timed]))
    assert 0.5 < len(waveform) / SPEECH_RATE < 3 and np.abs(waveform).max() > 0.05
