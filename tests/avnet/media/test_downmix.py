from fractions import Fraction

import av
import numpy as np
import pytest
from media.media_files import make_sound, silence, tone

from avnet.media import read_waveform

RATE = 48_000


def wav(path, channels, rate=RATE):
    """Writes float samples [channels, n], bit for bit."""
    layout = {2: "stereo", 3: "2.1", 4: "quad", 6: "5.1"}[len(channels)]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_f32le", rate=rate, layout=layout)
        for first in range(0, channels.shape[1], 1024):
            part = np.ascontiguousarray(channels[:, first : first + 1024].T.reshape(1, -1), np.float32)
            frame = av.AudioFrame.from_ndarray(part, "flt", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def noise(count=RATE // 2, seed=0, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal(count)).clip(-1, 1).astype(np.float32)


def read(path):
    return read_waveform(path, RATE).samples


def test_a_channel_that_is_the_other_turned_over_does_not_silence_it(tmp_path):
    left = noise()
    assert np.array_equal(read(wav(tmp_path / "a.wav", np.stack([left, -left]))), left)
    assert np.array_equal(read(wav(tmp_path / "b.wav", np.stack([-0.95 * left, left]))), left)


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".mp4"])
def test_nor_where_a_codec_has_left_something_of_the_difference(tmp_path, suffix):
    sound = read(make_sound(tmp_path / f"opposite{suffix}", sound=tone(level=0.3), right=tone(level=-0.3)))
    middle = sound[RATE // 4 : RATE // 2]
    assert np.sqrt(2 * np.mean(np.square(middle))) == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize("right", ["equal", "other", "silent", "mostly opposite"])
def test_ordinary_stereo_is_the_mean_to_the_bit(tmp_path, right):
    left = noise()
    other = {"equal": left, "other": noise(seed=1), "silent": 0 * left, "mostly opposite": -0.8 * left}[right]
    path = wav(tmp_path / "film.wav", np.stack([left, other]))
    assert np.array_equal(read(path), np.stack([left, other], 1).mean(axis=1))


def test_the_limit_is_a_hundredth_of_what_the_loudest_gives_the_mean(tmp_path):
    # The mean of x and -g x has (1 - g)^2 / 4 of the power of x, x alone gives 1 / 4: the share is (1 - g)^2.
    left = noise()
    for gain, alone in [(0.91, True), (0.89, False)]:
        channels = np.stack([left, -np.float32(gain) * left])
        assert np.array_equal(read(wav(tmp_path / f"{gain}.wav", channels)), left if alone else channels.mean(axis=0))


def test_the_channel_once_chosen_stays_to_the_end(tmp_path):
    first, second, third = noise(seed=1), noise(seed=2), noise(seed=3)
    left = np.concatenate([first, second, third])
    right = np.concatenate([noise(seed=4), -second, noise(seed=5)])
    sound = read(wav(tmp_path / "film.wav", np.stack([left, right])))
    n = len(first)
    edge = 1024
    assert np.array_equal(sound[: n - edge], (left + right)[: n - edge] / 2)
    assert np.array_equal(sound[n + edge :], left[n + edge :])


def test_surround_whose_channels_cancel_is_its_loudest(tmp_path):
    left = noise()
    channels = np.stack([0.5 * left, -left, 0.25 * left, 0.25 * left])
    assert np.array_equal(read(wav(tmp_path / "film.wav", channels)), -left)
    channels[3] += noise(seed=1)
    assert np.allclose(read(wav(tmp_path / "film.wav", channels)), channels.mean(axis=0), atol=1e-7)


def test_silence_stays_silent(tmp_path):
    assert not read(make_sound(tmp_path / "a.wav", sound=silence, right=silence)).any()
    # One step of 16 bits, turned over: nothing is to be heard there.
    step = np.full((2, RATE // 4), 2.0**-15, np.float32) * np.array([[1], [-1]], np.float32)
    assert not read(wav(tmp_path / "b.wav", step)).any()


def test_what_is_no_number_chooses_no_channel(tmp_path):
    channels = np.stack([noise(), noise(seed=1)])
    channels[0, ::1000] = np.nan
    sound = read(wav(tmp_path / "film.wav", channels))
    assert np.array_equal(sound, np.nan_to_num(channels.mean(axis=0)))
