import weakref

import numpy as np
import pytest

from avnet.media import Waveform
from avnet.media.clips import Sound, clip_about, is_silent, moment_times, spaced_clips


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
    time, clip = Sound.of_waveform(sound).loudest(1.0)
    assert time == pytest.approx(11.5) and np.array_equal(clip, samples[600:700])
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


RATE = 1000


def sound_and_whole(length, start_s=1.25, part=250):
    """The same noise, read in parts and as a whole."""
    samples = np.random.default_rng(length).normal(0, 0.1, length).astype(np.float32)

    def parts():
        for k in range(0, length, part):
            yield Waveform(samples[k : k + part].copy(), start_s + k / RATE, RATE)

    return Sound(parts, RATE), Waveform(samples, start_s, RATE)


@pytest.mark.parametrize("length", [10, 250, 999, 1000, 1001, 1500, 4321])
@pytest.mark.parametrize("clip_s", [0.2, 1.0, 3.0])
def test_clips_about_times_are_those_of_the_whole(length, clip_s):
    sound, whole = sound_and_whole(length)
    times = np.sort(np.random.default_rng(1).uniform(-2.0, 9.0, 60)).tolist()
    for time, clip in zip(times, sound.clips(times, clip_s), strict=True):
        assert np.array_equal(clip, clip_about(whole, time, clip_s))
        alone = sound.clip_at(time, clip_s)
        assert (alone is None) == (not whole.start_s <= time <= whole.end_s)
        assert alone is None or np.array_equal(alone, clip)


@pytest.mark.parametrize("length", [10, 1000, 4321])
def test_the_loudest_clip_is_that_of_the_whole(length):
    sound, whole = sound_and_whole(length)
    times = moment_times(whole.start_s, whole.end_s, 1.0, 0.1)
    power = [float(np.mean(np.square(whole.cut(time, 1.0)))) for time in times]
    time, clip = sound.loudest(1.0)
    assert time == times[int(np.argmax(power))] and np.array_equal(clip, whole.cut(time, 1.0))


@pytest.mark.parametrize(
    ("start_s", "length_s"), [(1.25, 4.321), (0.0, 9.0), (2.0, 1.0), (-3.0, 2.0), (8.0, 2.0), (1.5, 9)]
)
def test_a_stretch_is_that_of_the_whole(start_s, length_s):
    sound, whole = sound_and_whole(4321)
    parts = list(sound.stretch(start_s, length_s))
    assert max(map(len, parts)) <= RATE
    np.testing.assert_array_equal(np.concatenate(parts), whole.cut(start_s + length_s / 2, length_s))


def test_a_sound_may_begin_at_another_time():
    sound, whole = sound_and_whole(2000)
    moved = sound.starting_at(100.0)
    assert moved.span_s() == (100.0, 102.0) and sound.span_s() == (1.25, 3.25)
    assert np.array_equal(next(moved.clips([100.75], 1.0)), clip_about(whole, 2.0, 1.0))


@pytest.mark.parametrize("ask", ["loudest", "clips", "clip_at", "stretch"])
def test_no_more_than_a_few_clips_of_a_long_sound_are_held(ask):
    read, released = [], []

    def parts():
        for k in range(4000):
            samples = np.zeros(250, np.float32)
            read.append(k)
            weakref.finalize(samples, released.append, k)
            yield Waveform(samples, k / 4, RATE)
            most.append(len(read) - len(released))

    most: list[int] = []
    sound = Sound(parts, RATE)
    if ask == "loudest":
        sound.loudest(1.0)
    elif ask == "clips":
        assert sum(1 for _ in sound.clips(np.arange(0, 999, 0.5), 1.0)) == 1998
    elif ask == "clip_at":
        assert sound.clip_at(990.0, 1.0) is not None
    else:
        assert sum(map(len, sound.stretch(0.0, 1000.0))) == 1000 * RATE
    assert len(read) > 3900 and max(most) < 20
