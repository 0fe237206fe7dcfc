import numpy as np
import pytest
from scipy.signal import lfilter
from spoken.vowels import noise

from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import DataError
from avnet.synthesizers.source_filter.analysis import analyze
from avnet.synthesizers.source_filter.bands import band_weights, strengths
from avnet.synthesizers.source_filter.envelope import mel_cepstra
from avnet.synthesizers.source_filter.mel_cepstrum import frequency_response
from avnet.synthesizers.source_filter.parameters import SourceFilter
from avnet.synthesizers.source_filter.pitch import best_path
from avnet.synthesizers.source_filter.synthesis import pulse_train, synthesize

INSIDE = slice(10, -10)


def pulses(f0: float, frames: int = 200) -> np.ndarray:
    return pulse_train(np.full(frames, np.log(f0), np.float32))


def formant(frequency: float, width: float) -> np.ndarray:
    pole = np.exp(-np.pi * width / SPEECH_RATE + 2j * np.pi * frequency / SPEECH_RATE)
    return np.array([1, -2 * pole.real, abs(pole) ** 2])


def resonant(source: np.ndarray, *formants: tuple[float, float]) -> np.ndarray:
    for one in formants:
        source = np.asarray(lfilter([1.0], formant(*one), source))
    return source.astype(np.float32)


@pytest.mark.parametrize("f0", [90.0, 170.0, 300.0])
def test_pitch_of_pulses_through_a_formant(f0):
    voice = 0.02 * resonant(pulses(f0), (600, 80))
    parameters = analyze(voice)
    assert parameters.voiced[INSIDE].all()
    assert np.exp(parameters.log_f0) == pytest.approx(np.full(200, f0), rel=0.01)


def test_pitch_follows_a_glide_and_is_interpolated_through_a_pause():
    wanted = np.linspace(np.log(100), np.log(220), 300).astype(np.float32)
    voice = 0.1 * pulse_train(wanted)
    voice[8000:16000] = 0
    parameters = analyze(voice)
    assert not parameters.voiced[110:190].any() and parameters.voiced[10:90].all()
    assert np.exp(parameters.log_f0 - wanted)[INSIDE] == pytest.approx(np.ones(280), rel=0.02)


def test_noise_has_no_pitch():
    assert not analyze(0.1 * noise(SPEECH_RATE)).voiced.any()


def test_a_jump_of_an_octave_costs_more_than_one_frame_gains():
    f0 = np.tile([0.0, 100.0, 200.0], (9, 1))
    scores = np.tile([0.4, 0.9, 0.85], (9, 1))
    scores[4, 2] = 1.0
    assert best_path(f0, scores).tolist() == [1] * 9
    # Longer, and it is the better path.
    scores[2:, 2] = 3.0
    assert best_path(f0, scores).tolist() == [1, 1, *[2] * 7] or best_path(f0, scores).tolist() == [2] * 9


@pytest.mark.parametrize("f0", [90.0, 160.0, 300.0])
def test_envelope_of_pulses_is_flat_and_that_of_noise_nearly(f0):
    pitch = np.full(200, f0)
    assert mel_cepstra(pulses(f0), pitch)[INSIDE] == pytest.approx(np.zeros((180, 25)), abs=0.05)
    of_noise = mel_cepstra(noise(16_000), pitch)[INSIDE].mean(axis=0)
    assert np.abs(of_noise).max() < 0.15


def test_envelope_is_that_of_the_filter():
    voice = resonant(pulses(110), (700, 150), (2300, 250))
    cepstra = mel_cepstra(voice, np.full(200, 110.0))[100:101]
    bins = np.arange(8, 460)
    turns = np.exp(-2j * np.pi * bins / 1024)
    filters = (np.polyval(formant(*one)[::-1], turns) for one in ((700, 150), (2300, 250)))
    wanted = -sum(20 * np.log10(np.abs(one)) for one in filters)
    decibels = 20 * np.log10(np.abs(frequency_response(cepstra)[0, bins]))
    assert np.abs(decibels - wanted).mean() < 1 and np.abs(decibels - wanted).max() < 4


def test_bands_divide_the_spectrum():
    assert band_weights().sum(axis=0) == pytest.approx(np.ones(513))
    # In the middle of each band, and at an edge.
    assert np.diag(band_weights()[:, [32, 96, 192, 320, 448]]) == pytest.approx(np.ones(5))
    assert band_weights()[:2, 64].tolist() == [0.5, 0.5]


def test_strengths_are_the_share_of_pulses_in_a_band():
    frames, f0 = 400, np.full(400, 120.0)
    assert strengths(pulses(120.0, frames), f0)[INSIDE] == pytest.approx(np.ones((380, 5)), abs=0.05)
    assert strengths(noise(frames * 80), f0).mean() < 0.1
    wanted = np.tile(np.array([1, 0.8, 0.5, 0.8, 0], np.float32), (frames, 1))
    cepstra = np.zeros((frames, 25), np.float32)
    voiced = np.ones(frames, np.float32)
    mixed = synthesize(SourceFilter(np.log(f0).astype(np.float32), voiced, cepstra, wanted))
    assert strengths(mixed, f0)[INSIDE].mean(axis=0) == pytest.approx(wanted[0], abs=0.12)


def test_what_was_spoken_is_found_again():
    frames = 300
    log_f0 = np.log(150 + 30 * np.sin(np.arange(frames) / 30)).astype(np.float32)
    cepstra = np.zeros((frames, 25), np.float32)
    cepstra[:, :4] = [-3.0, 1.5, 0.3, 0.2]
    cepstra[:, 1] += 0.5 * np.sin(np.arange(frames) / 20)
    ones = np.ones((frames, 5), np.float32)
    again = analyze(synthesize(SourceFilter(log_f0, ones[:, 0], cepstra, ones)))
    assert again.voiced[INSIDE].all()
    assert again.log_f0[INSIDE] == pytest.approx(log_f0[INSIDE], abs=0.01)
    assert (
        np.abs(again.cepstra - cepstra)[INSIDE].max() < 0.35 and np.abs(again.cepstra - cepstra)[INSIDE].mean() < 0.05
    )


def test_silence_stays_silent():
    parameters = analyze(np.zeros(8000, np.float32))
    assert len(parameters) == 100 and not parameters.voiced.any() and not parameters.strengths.any()
    assert np.abs(synthesize(parameters)).max() < 1e-4


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 1), (80, 1), (160, 2), (161, 3)])
def test_frames_are_those_that_have_begun(samples, frames):
    parameters = analyze(0.1 * noise(samples))
    assert len(parameters) == frames and synthesize(parameters).shape == (80 * frames,)


def test_more_sound_at_the_end_changes_nothing_far_before():
    voice = (0.1 * pulses(140.0, 700) + 0.01 * noise(56_000)).astype(np.float32)
    whole, part = analyze(voice), analyze(voice[: 600 * 80])
    for name in ("log_f0", "voiced", "cepstra", "strengths"):
        assert getattr(whole, name)[:580] == pytest.approx(getattr(part, name)[:580], abs=1e-3)


def test_a_clipped_recording_keeps_its_pitch():
    voice = resonant(pulses(170.0), (500, 100))
    # At the ends half of a window is silence.
    log_f0 = analyze(np.clip(voice, -1, 1)).log_f0[INSIDE]
    assert np.exp(log_f0) == pytest.approx(np.full(180, 170), rel=0.01)


@pytest.mark.parametrize(
    ("waveform", "reason"),
    [
        (np.zeros((2, 80), np.float32), r"must be mono, of one dimension, got \[2, 80\]"),
        (np.array([0, np.nan], np.float32), "samples that are not finite"),
    ],
)
def test_what_is_no_recording_is_refused(waveform, reason):
    with pytest.raises(DataError, match=f"^waveform: .*{reason}"):
        analyze(waveform)
