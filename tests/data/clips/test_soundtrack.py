import numpy as np
import pytest

from avnet.errors import NotMedia, Silent, TooShort
from avnet.media.write import write_wav
from data.clips.soundtrack import read_sound, soundtrack, trim

RATE = 48_000


def tone(seconds, level=0.3):
    return (level * np.sin(2 * np.pi * 500 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def decibels(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))


def test_silence_at_both_ends_is_trimmed_and_silence_inside_stays():
    quiet = np.zeros(RATE // 2, np.float32)
    sound = np.concatenate([quiet, tone(0.2), quiet, tone(0.1), quiet])
    assert len(trim(sound)) == pytest.approx(0.8 * RATE, abs=960)


def test_silent_sound_has_nothing_left():
    assert len(trim(np.zeros(RATE, np.float32))) == 0
    assert len(trim(tone(1.0, 1e-4))) == 0
    assert len(trim(np.zeros(0, np.float32))) == 0


@pytest.mark.parametrize("seconds", [0.06, 0.5, 0.999, 1.0, 5.0])
def test_soundtrack_fills_the_clip_at_an_even_level(seconds):
    for seed in range(10):
        track = soundtrack(np.random.default_rng(seed), tone(seconds), RATE)
        assert track.shape == (RATE,) and track.dtype == np.float32
        assert -24.1 <= decibels(track) <= -15.9
        assert np.abs(track).max() <= 0.98


def test_gaps_between_repetitions_are_short():
    for seed in range(10):
        track = soundtrack(np.random.default_rng(seed), tone(0.4), 4 * RATE)
        audible = np.flatnonzero(np.abs(track) > 1e-3)
        assert np.diff(audible).max() <= 0.32 * RATE
        assert audible[0] < 0.05 * RATE


def test_joins_do_not_click():
    track = soundtrack(np.random.default_rng(0), tone(0.3105), 2 * RATE)  # it ends at the height of its swing
    # A tone's own largest step; a jump from nothing to a full swing would be ten times that.
    assert np.abs(np.diff(track)).max() < 1.2 * np.abs(track).max() * 2 * np.pi * 500 / RATE


def test_peaks_do_not_clip():
    clicks = np.zeros(RATE, np.float32)
    clicks[::12_000] = 0.5
    assert np.abs(soundtrack(np.random.default_rng(1), clicks, RATE)).max() <= 0.98


def test_a_long_recording_is_cut_where_there_is_something_to_hear():
    sound = np.concatenate([tone(1.0), np.zeros(20 * RATE, np.float32), tone(9.0)])
    levels = [decibels(soundtrack(np.random.default_rng(i), sound, RATE)) for i in range(20)]
    assert min(levels) > -24.1


def test_reading_refuses_silence_snippets_and_what_is_no_sound(tmp_path):
    write_wav(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    write_wav(tmp_path / "short.wav", tone(0.02), RATE)
    (tmp_path / "text.wav").write_text("no sound")
    for name, error in (("silent", Silent), ("short", TooShort), ("text", NotMedia)):
        with pytest.raises(error, match=f"{name}.wav"):
            read_sound(tmp_path / f"{name}.wav")


def test_reading_brings_other_rates_to_48_khz(tmp_path):
    write_wav(tmp_path / "a.wav", tone(1.0)[::3], RATE // 3)
    assert len(read_sound(tmp_path / "a.wav")) == pytest.approx(RATE, abs=RATE // 50)
