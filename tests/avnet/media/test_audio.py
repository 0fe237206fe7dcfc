import numpy as np
import pytest

from avnet.media import Waveform
from avnet.media.audio import clip_about, is_silent, loudest_time, moment_times, spaced_clips


@pytest.mark.parametrize(
    "span, every, times",
    [
        ((0.0, 3.0), 1.0, [0.5, 1.5, 2.5]),
        ((1.0, 3.9), 1.0, [1.5, 2.5]),
        ((0.0, 2.0), 0.5, [0.5, 1, 1.5]),
        ((0.0, 1.0), 1.0, [0.5]),
        ((2.0, 2.5), 1.0, [2.25]),
    ],
)
def test_moments_have_half_a_clip_on_either_side(span, every, times):
    start, end = span
    assert moment_times(start, end, 1.0, every).tolist() == times


def test_clip_at_the_end_of_a_sound_is_moved_inwards():
    sound = Waveform(np.arange(1, 301, dtype=np.float32), 10.0, 100)
    np.testing.assert_array_equal(clip_about(sound, 10.0, 1.0), np.arange(1, 101))
    np.testing.assert_array_equal(clip_about(sound, 11.0, 1.0), np.arange(51, 151))
    np.testing.assert_array_equal(clip_about(sound, 13.0, 1.0), np.arange(201, 301))
    assert not clip_about(sound, 14.0, 1.0).any()


def test_loudest_clip_and_silence():
    samples = np.zeros(1000, np.float32)
    samples[600:700] = 0.5
    sound = Waveform(samples, 5.0, 100)
    assert loudest_time(sound, 1.0) == pytest.approx(11.5)
    assert is_silent(np.full(10, 0.00099, np.float32)) and not is_silent(np.full(10, 0.00101, np.float32))


@pytest.mark.parametrize("length", [10, 999, 1000, 1001, 1500, 4000, 4321])
@pytest.mark.parametrize(("clip_s", "every_s"), [(1.0, 0.5), (1.0, 1.0), (0.2, 1.7), (1.0, 1 / 3), (0.5, 0.1)])
def test_clips_of_a_sound_that_is_read_meanwhile_are_those_of_the_whole(length, clip_s, every_s):
    samples = np.random.default_rng(length).normal(size=length).astype(np.float32)
    whole = Waveform(samples, 1.25, 1000)
    parts = [Waveform(samples[k : k + 250], 1.25 + k / 1000, 1000) for k in range(0, length, 250)]
    clips = list(spaced_clips(iter(parts), clip_s, every_s))
    times = moment_times(whole.start_s, whole.end_s, clip_s, every_s)
    assert [time for time, _ in clips] == times.tolist()
    for time, clip in clips:
        assert np.array_equal(clip, whole.cut(time, clip_s))
