import numpy as np

from data.records.resample import resample


def tone(frequency: float, rate: int, level: float = 0.5) -> np.ndarray:
    return np.rint(level * 32767 * np.sin(2 * np.pi * frequency * np.arange(rate) / rate)).astype(np.int16)


def test_a_tone_keeps_its_pitch_and_level():
    middle = slice(100, -100)
    np.testing.assert_allclose(resample(tone(440, 48_000), 48_000, 16_000)[middle], tone(440, 16_000)[middle], atol=60)


def test_what_the_new_rate_cannot_hold_is_gone_and_not_folded_back():
    assert np.abs(resample(tone(11_000, 48_000), 48_000, 16_000)[100:-100]).max() < 100


def test_a_clipped_sound_does_not_wrap_around():
    square = np.where(tone(100, 48_000) >= 0, 32767, -32768).astype(np.int16)
    there = resample(square, 48_000, 16_000)
    middle = there[20:60]  # the first half period, where the sound is at its top
    assert middle.min() > 25_000
