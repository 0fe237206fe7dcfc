import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest

from avnet.audio.config import SpectrogramConfig
from avnet.audio.spectrogram import hann, log_spectrogram, mel_filterbank
from avnet.correspondence.config import ModelConfig
from avnet.errors import ConfigError

PAPER = SpectrogramConfig()
MEL = ModelConfig.small().spectrogram
ODD = SpectrogramConfig(sample_rate=16_000, win_length=401, hop_length=161, n_fft=441, n_mels=20, f_max=7_000.0)
# Of YAMNet, and so of most networks that were trained on AudioSet.
AUDIOSET = SpectrogramConfig(16_000, 400, 160, 512, 64, 125.0, 7_500.0, mel="magnitude")
FRONTS = pytest.mark.parametrize("front", [PAPER, MEL, ODD, AUDIOSET], ids=["paper", "mel", "odd", "audioset"])


def sound(count=2, samples=48_000, seed=0):
    """Noise over a tone, louder from one waveform to the next."""
    noise = np.random.default_rng(seed).normal(size=(count, samples))
    tone = np.sin(2 * np.pi * 440 * np.arange(samples) / 48_000)
    level = np.linspace(0.01, 0.2, count)[:, None]
    return (level * (noise + tone)).astype(np.float32)


def plain(waveform, front):
    """The definition, one window at a time in float64."""
    n = np.arange(front.win_length)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / front.win_length)
    columns = []
    for start in range(0, len(waveform) - front.win_length + 1, front.hop_length):
        piece = waveform[start : start + front.win_length].astype(np.float64) * window
        magnitude = np.abs(np.fft.rfft(piece, front.n_fft))
        if front.mel == "magnitude":
            magnitude = magnitude @ triangles_over_mel(front)
        elif front.n_mels is not None:
            magnitude = np.sqrt(magnitude**2 @ mel_filterbank(front))
        columns.append(np.log(magnitude + front.floor))
    return np.stack(columns, axis=1)


def triangles_over_mel(front):
    """TensorFlow's definition, one weight at a time: natural logarithms, and no weight at 0 Hz."""

    def to_mel(frequency):
        return 1127.0 * math.log(1.0 + frequency / 700.0)

    low, high = to_mel(front.f_min), to_mel(front.f_max)
    step = (high - low) / (front.n_mels + 1)
    weights = np.zeros((front.n_fft // 2 + 1, front.n_mels))
    for i in range(1, len(weights)):
        for band in range(front.n_mels):
            distance = abs(to_mel(i * front.sample_rate / front.n_fft) - (low + (band + 1) * step))
            weights[i, band] = max(0.0, 1.0 - distance / step)
    return weights


def relative_error(actual, expected):
    return np.abs(np.asarray(actual, np.float64) - expected).max() / np.abs(expected).max()


@FRONTS
def test_spectrogram_agrees_with_its_definition_in_float64(front):
    waveforms = sound()
    expected = np.stack([plain(waveform, front) for waveform in waveforms])
    assert relative_error(log_spectrogram(jnp.asarray(waveforms), front)[..., 0], expected) <= 1e-4


def test_magnitudes_agree_with_librosa():
    waveforms = sound()
    # librosa centres the window in the transform's frame, ours begins it: 16 zeros in front align the two.
    longer = np.pad(waveforms, [(0, 0), (16, 16)]).astype(np.float64)
    transform = librosa.stft(longer, n_fft=512, hop_length=240, win_length=480, window="hann", center=False)
    expected = np.log(np.abs(transform) + PAPER.floor)
    assert expected.shape == (2, 257, 199)
    assert relative_error(log_spectrogram(jnp.asarray(waveforms), PAPER)[..., 0], expected) <= 1e-4


def test_mel_spectrogram_agrees_with_librosa():
    waveforms = sound()
    longer = np.pad(waveforms, [(0, 0), (32, 32)]).astype(np.float64)
    power = np.abs(librosa.stft(longer, n_fft=1024, hop_length=480, win_length=960, window="hann", center=False)) ** 2
    filters = librosa.filters.mel(
        sr=48_000, n_fft=1024, n_mels=64, fmin=50.0, fmax=20_000.0, htk=True, norm=None, dtype=np.float64
    )
    expected = np.log(np.sqrt(filters @ power) + MEL.floor)
    assert expected.shape == (2, 64, 99)
    assert relative_error(log_spectrogram(jnp.asarray(waveforms), MEL)[..., 0], expected) <= 1e-4


@pytest.mark.parametrize("front", [MEL, ODD], ids=["mel", "odd"])
def test_mel_filters_agree_with_librosa(front):
    expected = librosa.filters.mel(
        sr=front.sample_rate,
        n_fft=front.n_fft,
        n_mels=front.n_mels,
        fmin=front.f_min,
        fmax=front.f_max,
        htk=True,
        norm=None,
        dtype=np.float64,
    )
    np.testing.assert_allclose(mel_filterbank(front), expected.T, atol=1e-9)


def test_filters_over_mel_are_those_of_tensorflow():
    np.testing.assert_allclose(mel_filterbank(AUDIOSET), triangles_over_mel(AUDIOSET), atol=1e-12)
    everything = replace(AUDIOSET, f_min=0.0, f_max=8_000.0)
    np.testing.assert_allclose(mel_filterbank(everything), triangles_over_mel(everything), atol=1e-12)
    assert not mel_filterbank(everything)[0].any()


def test_mel_bands_of_anything_else_are_refused():
    with pytest.raises(ConfigError, match="mel: must be one of power, magnitude, kaldi, got 'loudness'"):
        replace(AUDIOSET, mel="loudness")


def test_every_mel_filter_of_the_small_preset_passes_something():
    assert (mel_filterbank(MEL).sum(axis=0) > 0).all()


def test_linear_bins_have_no_mel_filters():
    with pytest.raises(ValueError, match="no mel filters"):
        mel_filterbank(PAPER)


def test_hann_window_is_periodic():
    np.testing.assert_allclose(hann(4), [0.0, 0.5, 1.0, 0.5])
    np.testing.assert_allclose(hann(480), librosa.filters.get_window("hann", 480), atol=1e-12)


def test_shapes_are_those_of_the_presets():
    waveforms = jnp.asarray(sound(3))
    assert log_spectrogram(waveforms, PAPER).shape == (3, 257, 199, 1)
    assert log_spectrogram(waveforms, MEL).shape == (3, 64, 99, 1)
    assert log_spectrogram(waveforms, MEL).dtype == jnp.float32


def test_a_tone_is_loudest_in_its_own_bin_and_low_frequencies_come_first():
    time = np.arange(48_000) / 48_000
    tone = np.sin(2 * np.pi * 1500.0 * time).astype(np.float32)  # bin 16 of 93.75 Hz
    values = np.asarray(log_spectrogram(jnp.asarray(tone[None]), PAPER))[0, ..., 0]
    assert (values.argmax(axis=0) == 16).all()
    # At a bin's frequency the window's sum is what remains: 480 / 2, halved for a real tone.
    np.testing.assert_allclose(values[16], np.log(120.0), atol=1e-3)


@FRONTS
def test_silence_is_the_logarithm_of_the_floor(front):
    values = log_spectrogram(jnp.zeros((1, 8_000)), front)
    np.testing.assert_allclose(values, np.log(front.floor), rtol=1e-6)


@FRONTS
def test_a_batch_gives_what_its_waveforms_give_alone(front):
    waveforms = jnp.asarray(sound(3))
    alone = jnp.concatenate([log_spectrogram(waveforms[i : i + 1], front) for i in range(3)])
    np.testing.assert_allclose(log_spectrogram(waveforms, front), alone, rtol=1e-5, atol=1e-5)


@FRONTS
def test_jit_changes_nothing(front):
    waveforms = jnp.asarray(sound())
    with jax.disable_jit():
        plainly = log_spectrogram(waveforms, front)
    np.testing.assert_allclose(log_spectrogram(waveforms, front), plainly, rtol=1e-5, atol=1e-4)


def test_samples_after_the_last_whole_window_change_nothing():
    waveforms = sound(1, 48_000 + 239)
    np.testing.assert_array_equal(
        log_spectrogram(jnp.asarray(waveforms), PAPER), log_spectrogram(jnp.asarray(waveforms[:, :48_000]), PAPER)
    )
