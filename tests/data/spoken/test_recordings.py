import threading
import time

import numpy as np
import pytest
from spoken.corpora import RATE, make_recording, vowel

from avnet.errors import AvnetError, NoSpeech, NotMedia, Silent, TooLarge, TooShort
from avnet.media import write_wav
from data.runners.threads import AHEAD, in_order
from data.sampling.measures import voiced_s
from data.spoken.recordings import read_each, read_speech

TIME = np.arange(3 * RATE) / RATE
NOISE = np.random.default_rng(0).standard_normal(3 * RATE)


@pytest.mark.parametrize("hz", [70, 120, 250, 450])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_a_voice_is_heard_at_any_pitch_and_rate(hz, rate):
    sound = np.concatenate([np.zeros(rate), vowel(1.0, hz, rate), np.zeros(rate)])
    assert voiced_s(sound, rate) == pytest.approx(1.0, abs=0.1)
    assert voiced_s(0.001 * sound, rate) == voiced_s(sound, rate)


@pytest.mark.parametrize(
    "sound",
    [
        0.1 * NOISE,
        0.001 * np.cumsum(NOISE),
        np.convolve(NOISE, np.ones(40) / 40, "same"),
        0.3 * np.sin(2 * np.pi * 50 * TIME),
        0.9 * (np.arange(3 * RATE) % 8000 == 0),
        np.zeros(3 * RATE),
        np.full(3 * RATE, 0.5),
        np.zeros(10),
        np.zeros(0),
    ],
)
def test_noise_hum_clicks_and_silence_are_no_voice(sound):
    assert voiced_s(sound, RATE) < 0.1


def test_speech_comes_back_at_the_rate_that_is_asked_for(tmp_path):
    path = make_recording(tmp_path / "a.wav", 0.5)
    assert read_speech(path) == pytest.approx(vowel(0.5), abs=1e-4)
    half = read_speech(path, 8_000)
    assert half.dtype == np.float32 and len(half) == pytest.approx(4_000, abs=40)


def test_what_is_no_speech_is_refused_in_one_line(tmp_path):
    cases = {
        "short": (vowel(0.25), TooShort, "lasts 0.25 s; 0.3 s are needed"),
        "long": (vowel(31.0), TooLarge, "is longer than 30 s"),
        "silent": (np.zeros(RATE), Silent, "is silent"),
        "faint": (1e-3 * vowel(1.0), Silent, "is silent"),
        "noise": (0.1 * NOISE, NoSpeech, "has no voice in it"),
    }
    for name, (samples, kind, reason) in cases.items():
        write_wav(tmp_path / f"{name}.wav", np.clip(samples, -1, 1), RATE)
        with pytest.raises(kind, match=reason) as refusal:
            read_speech(tmp_path / f"{name}.wav")
        assert "\n" not in str(refusal.value)
    assert len(read_speech(tmp_path / "long.wav", max_s=40)) == 31 * RATE
    assert len(read_speech(tmp_path / "short.wav", min_s=0.2)) == RATE // 4
    with pytest.raises(NotMedia):
        read_speech(tmp_path / "nowhere.wav")


def test_many_are_read_in_order_and_what_cannot_be_is_named(tmp_path):
    paths = [make_recording(tmp_path / f"{i}.wav", 0.4 + 0.1 * (i % 3)) for i in range(20)]
    paths[7].write_text("no sound")
    paths[11].unlink()
    results = list(read_each(paths, workers=3))
    assert [path for path, _ in results] == paths
    waveforms = {path: result for path, result in results if not isinstance(result, AvnetError)}
    assert [result.subject for _, result in results if isinstance(result, AvnetError)] == [
        str(paths[7]),
        str(paths[11]),
    ]
    assert all((read_speech(path) == waveform).all() for path, waveform in waveforms.items())
    lengths = [path for path, result in read_each(paths, len_of, workers=1) if not isinstance(result, AvnetError)]
    assert lengths == list(waveforms)


def len_of(path):
    return len(read_speech(path))


def test_threads_keep_the_order_and_do_not_run_ahead():
    starts = []

    def slow_first(i):
        starts.append(i)
        time.sleep(0.02 if i == 0 else 0)
        return i, threading.current_thread().name

    results = in_order(slow_first, range(100), workers=2)
    assert next(results)[0] == 0
    time.sleep(0.05)
    assert len(starts) <= 2 * AHEAD
    assert [i for i, _ in results] == list(range(1, 100))


def test_an_error_in_a_thread_ends_the_loop():
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda i: 1 // (i - 5), range(1000), workers=2))
