from dataclasses import replace

import numpy as np
import pytest

from avnet.audio.pcm import SPEECH_RATE
from avnet.synthesizers.source_filter.mel_cepstrum import frequency_response
from avnet.synthesizers.source_filter.parameters import HOP, SourceFilter
from avnet.synthesizers.source_filter.synthesis import pulse_train, synthesize


def voice(frames: int, f0: float = 100.0, voiced: float = 1.0, log_gain: float = 0.0) -> SourceFilter:
    cepstra = np.zeros((frames, 25), np.float32)
    cepstra[:, 0] = log_gain
    strengths = np.ones((frames, 5), np.float32)
    return SourceFilter(
        np.full(frames, np.log(f0), np.float32), np.full(frames, voiced, np.float32), cepstra, strengths
    )


def spectrum_at(waveform: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Magnitude under a Hann window, of which a harmonic of amplitude 1 has 1."""
    window = np.hanning(len(waveform))
    turns = np.exp(-2j * np.pi * frequency[:, None] * np.arange(len(waveform)) / SPEECH_RATE)
    return np.abs(turns @ (waveform * window)) * 2 / window.sum()


@pytest.mark.parametrize("f0", [80.0, 100.0, 160.0, 200.0])
def test_pulses_are_a_period_apart(f0):
    train = pulse_train(np.full(100, np.log(f0), np.float32))
    places = np.flatnonzero(train > 0.5 * train.max())
    assert set(np.diff(places)) == {SPEECH_RATE / f0}
    assert np.square(train).mean() == pytest.approx(1, abs=0.05) and abs(train.mean()) < 0.01


def test_phase_is_the_integral_of_a_pitch_that_glides():
    log_f0 = np.log(np.linspace(100, 200, 200)).astype(np.float32)
    train = pulse_train(log_f0)
    # A pulse between two samples is lower, but not as low as this.
    pulses = np.flatnonzero((train[1:-1] > 4) & (train[1:-1] > train[:-2]) & (train[1:-1] >= train[2:])) + 1
    # One second at 150 Hz on average; periods fall as they go.
    assert abs(len(pulses) - 150) <= 1
    assert np.polyfit(pulses[1:], np.diff(pulses), 1)[0] < 0


def test_pulses_between_samples_have_a_flat_spectrum():
    # 16000 / 130 is no whole number.
    speech = synthesize(voice(200, 130.0))[2000:-2000]
    levels = spectrum_at(speech, 130.0 * np.arange(1, 54))
    assert levels == pytest.approx(np.full(53, levels.mean()), rel=0.03)
    # White sound of power 1 in 61.5 harmonics of amplitude a: a^2 / 2 each.
    assert levels.mean() == pytest.approx(np.sqrt(2 * 2 * 130 / SPEECH_RATE), rel=0.02)


def test_voices_without_pitch_are_noise_of_the_stated_power():
    speech = synthesize(voice(1000, voiced=0.0, log_gain=np.log(0.1)))
    assert np.square(speech).mean() == pytest.approx(0.01, rel=0.03)
    assert abs(np.corrcoef(speech[1:], speech[:-1])[0, 1]) < 0.02


def test_a_band_without_strength_is_noise_and_the_others_are_pulses():
    parameters = voice(400, 100.0)
    parameters.strengths[:, 2] = 0
    speech = synthesize(parameters)[1600:-1600]
    levels = {place: spectrum_at(speech, 100.0 * np.arange(*place)) for place in [(3, 17), (23, 37), (43, 77)]}
    gaps = {place: spectrum_at(speech, 100.0 * np.arange(*place) + 50) for place in levels}
    for place in levels:
        ratio = np.square(gaps[place]).mean() / np.square(levels[place]).mean()
        assert (0.3 < ratio < 3) if place == (23, 37) else ratio < 1e-3


def test_filter_has_the_wanted_magnitude():
    parameters = voice(200, 100.0)
    rng = np.random.default_rng(3)
    parameters.cepstra[:] = (rng.standard_normal(25) * 0.7 ** np.arange(25)).astype(np.float32)
    speech = synthesize(parameters)[2000:-2000]
    harmonics = 100.0 * np.arange(1, 79)
    wanted = np.interp(harmonics, np.arange(513) * 15.625, np.abs(frequency_response(parameters.cepstra[:1])[0]))
    assert spectrum_at(speech, harmonics) / np.sqrt(0.025) == pytest.approx(wanted, rel=0.03)


def test_a_filter_holds_around_the_centre_of_its_frame():
    parameters = voice(100, voiced=0.0, log_gain=-20.0)
    parameters.cepstra[50, 0] = 0
    speech = synthesize(parameters)
    centre = 50 * HOP + HOP // 2
    assert np.average(np.arange(len(speech)), weights=np.square(speech)) == pytest.approx(centre, abs=20)
    assert np.abs(speech[: centre - HOP]).max() < 1e-6 > np.abs(speech[centre + HOP :]).max()


def test_silence_is_finite_and_silent():
    speech = synthesize(voice(50, log_gain=-11.5))
    assert np.isfinite(speech).all() and np.abs(speech).max() < 3e-4
    assert synthesize(voice(0)).shape == (0,)


def test_same_parameters_give_the_same_samples_and_another_seed_other_noise():
    parameters = replace(voice(600), voiced=np.full(600, 0.5, np.float32))
    speech = synthesize(parameters)
    assert speech.dtype == np.float32 and speech.shape == (600 * HOP,)
    assert (speech == synthesize(parameters)).all() and (speech != synthesize(parameters, seed=1)).any()
