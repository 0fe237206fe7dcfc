from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from media.forged import forge_arrays
from scipy import signal
from spoken.vowels import VOWELS, noise, vowel_strings, vowels

from avnet.audio.pcm import SPEECH_RATE
from avnet.audio.spectrogram import mel_filterbank
from avnet.audio.stft import istft, overlap_add, stft, windows
from avnet.errors import ConfigError, DataError, ModelFolderError
from avnet.speech_space.tower import SpeechTower, SpeechTowerConfig
from avnet.synthesizers.mel import griffin_lim as module
from avnet.synthesizers.mel.acoustics import (
    HOP,
    MEL,
    UnitAcoustics,
    frames_of_mel,
    lateness,
    measure_acoustics,
    middles,
)
from avnet.synthesizers.mel.griffin_lim import ITERATIONS, GriffinLim, griffin_lim, power_of_mel, waveform_of_mel
from avnet.units.strings import UnitString

# One compiled program for a shape, where JAX would compile each operation.
transform, inverse = jax.jit(stft, static_argnums=(1, 2)), jax.jit(istft, static_argnums=1)


LATE = lateness()


@pytest.fixture(scope="module")
def acoustics() -> UnitAcoustics:
    return measure_acoustics(*vowel_strings(), 4)


def test_windows_and_their_sum_are_worked_out_by_hand():
    assert windows(jnp.arange(7.0), 3, 2).tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]
    assert overlap_add(jnp.ones((3, 3)), 2).tolist() == [1, 1, 2, 1, 2, 1, 1]


@pytest.mark.parametrize(("n_fft", "hop"), [(512, 160), (256, 64)])
def test_transform_and_inverse_agree_with_scipy(n_fft, hop):
    side, frames, waveform = (n_fft - hop) // 2, 12, noise(12 * hop)
    options: Any = {"window": "hann", "nperseg": n_fft, "noverlap": n_fft - hop}
    no_padding: Any = {"boundary": None, "padded": False}
    theirs = signal.stft(np.pad(waveform, side), **options, **no_padding)[2].T * n_fft / 2
    assert np.asarray(transform(waveform, n_fft, hop)) == pytest.approx(theirs, abs=1e-4)
    # No waveform has this spectrum: the inverse is the nearest.
    spectrum = (noise(frames, n_fft // 2 + 1, seed=1) + 1j * noise(frames, n_fft // 2 + 1, seed=2)).astype(np.complex64)
    spectrum[:, [0, -1]] = spectrum[:, [0, -1]].real
    theirs = signal.istft(spectrum.T * 2 / n_fft, **options, boundary=True)[1]
    ours = np.asarray(inverse(spectrum, hop))
    assert ours.shape == (frames * hop,)
    assert ours[hop // 2 : -(hop // 2)] == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize(("n_fft", "hop", "frames"), [(512, 160, 7), (640, 160, 1), (320, 160, 5)])
def test_inverse_of_the_transform_is_the_waveform(n_fft, hop, frames):
    waveform = noise(2, 3, frames * hop)
    again = np.asarray(inverse(transform(waveform, n_fft, hop), hop))
    assert again == pytest.approx(waveform, abs=1e-5)


def test_frames_that_do_not_exist_are_silent_and_change_nothing():
    spectrum = (noise(9, 321) + 1j * noise(9, 321, seed=1)).astype(np.complex64)
    short = np.asarray(inverse(spectrum, HOP, np.arange(9) < 6))
    assert short[: 6 * HOP] == pytest.approx(np.asarray(inverse(spectrum[:6], HOP)), abs=1e-6)
    assert not short[6 * HOP :].any()


def convergence(speech: np.ndarray, magnitude: np.ndarray) -> float:
    """Distance of the spectrum's magnitude from the wanted one, as a share of its norm."""
    again = np.abs(np.asarray(transform(speech, 512, HOP)))
    return float(np.linalg.norm(again - magnitude) / np.linalg.norm(magnitude))


@pytest.fixture(scope="module")
def magnitude() -> np.ndarray:
    return np.abs(np.asarray(transform(vowels([0, 1, 2, 1])[: 75 * HOP], 512, HOP)))


def project(magnitude: np.ndarray, seed: int, iterations: int = ITERATIONS) -> float:
    phases = 2 * np.pi * np.random.default_rng(seed).random(magnitude.shape, np.float32)
    speech = griffin_lim(jnp.asarray(magnitude), HOP, jnp.asarray(phases), jnp.ones(75, bool), iterations)
    return convergence(np.asarray(speech), magnitude)


def test_projections_come_nearer_to_the_wanted_magnitude(magnitude):
    errors = [project(magnitude, 0, iterations) for iterations in (0, 5, ITERATIONS)]
    assert errors[0] > errors[1] > errors[2] and errors[2] < 0.15


@pytest.mark.slow
def test_griffin_lim_is_no_worse_than_librosa(magnitude):
    import librosa

    theirs = []
    for seed in range(3):
        options = {"n_iter": ITERATIONS, "hop_length": HOP, "n_fft": 512, "center": False, "momentum": 0.99}
        speech = librosa.griffinlim(magnitude.T, **options, random_state=seed)[176 : 176 + 75 * HOP]
        theirs.append(convergence(np.pad(speech, (0, 75 * HOP - len(speech))), magnitude))
    ours = [project(magnitude, seed) for seed in range(3)]
    assert np.mean(ours) <= 1.05 * np.mean(theirs) and np.mean(ours) < 0.15


def test_powers_of_bins_add_up_to_the_bands_and_are_no_less_than_zero():
    log_mel = frames_of_mel(vowels([0, 1]), 38, LATE)
    target = np.square(np.exp(log_mel))
    power = np.asarray(power_of_mel(jnp.asarray(target)))
    residual = np.linalg.norm(power @ mel_filterbank(MEL) - target) / np.linalg.norm(target)
    assert power.min() >= 0 and residual < 0.01


def test_waveform_has_the_spectrogram_that_was_asked_for():
    log_mel = frames_of_mel(vowels([0, 1, 2]), 58, LATE)
    speech = waveform_of_mel(log_mel)
    assert speech.shape == (58 * HOP,)
    again = frames_of_mel(speech, 58, 0)
    assert np.abs(again - log_mel)[2:-2].mean() < 0.2


@pytest.mark.parametrize("frames_per_step", [1, 2, 4])
def test_steps_stand_for_the_sound_around_the_window_of_their_first_frame(frames_per_step):
    # A click in the middle of the window of frame 32, where a step of any of these lengths begins.
    click = np.zeros(SPEECH_RATE, np.float32)
    click[160 * 32 + 200] = 1.0
    middle = 32 * HOP + frames_per_step * HOP // 2
    late = lateness(frames_per_step)
    assert middles(click, 90, late).argmax() == middle and len(middles(click, 90, late)) == 90 * HOP
    loudness = frames_of_mel(click, 90, late).sum(axis=1)
    assert np.average(np.arange(90) * HOP + HOP // 2, weights=loudness - loudness.min()) == pytest.approx(middle, abs=1)
    assert middles(click[:500], 4, late).shape == (640,)


def test_strided_convolutions_have_their_middle_in_the_first_frame_of_a_step():
    tower = SpeechTower(SpeechTowerConfig(bands=2, widths=(2, 2, 2), blocks=1, kernel=3), rngs=nnx.Rngs(0))
    tower.eval()
    # All kernels alike over time: what a step hears of a frame falls with its distance on either side alike.
    for path, leaf in nnx.iter_graph(tower):
        if path and path[-1] == "kernel" and isinstance(leaf, nnx.Param):
            leaf[...] = jnp.ones_like(leaf[...])

    @jax.jit
    def listen(log_mel):
        return tower.before_quantizer(log_mel, jnp.array([64]), 2)[0][0].sum(axis=-1)

    slopes = np.asarray(jax.jit(jax.grad(lambda x: listen(x)[8]))(jnp.ones((1, 64, 2))))[0].sum(axis=-1)
    assert np.average(np.arange(64), weights=np.abs(slopes)) == pytest.approx(8 * 4)


def test_durations_and_spectra_are_means():
    waveforms = [vowels([0, 1, 0], 0)]
    string = UnitString(np.array([0, 2, 0]), np.array([0, 10, 40]), 56)
    errors = measure_acoustics(waveforms, [string], 4)
    assert errors.frames.tolist() == [13, 0, 30, 0] and errors.spread.tolist() == [3, 0, 0, 0]
    assert errors.vocabulary.tolist() == [0, 2]
    mel = frames_of_mel(waveforms[0], 56, LATE)
    assert errors.log_mel[0] == pytest.approx(np.concatenate([mel[:10], mel[40:]]).mean(axis=0), abs=1e-4)
    assert errors.log_mel[3] == pytest.approx(np.full(80, np.log(MEL.floor)))


def test_roundings_of_durations_do_not_add_up():
    table = UnitAcoustics(np.zeros((3, 80), np.float32), np.array([2.4, 0.2, 7.5], np.float32), np.zeros(3, np.float32))
    durations = table.durations(np.tile([0, 2], 50))
    assert durations.sum() == round(50 * 9.9) and set(durations.tolist()) <= {2, 3, 7, 8}
    assert table.durations(np.array([1, 1, 1])).tolist() == [1, 1, 1]
    assert table.durations(np.zeros(0, np.int64)).tolist() == []


def test_said_units_sound_like_the_recordings(acoustics):
    speech = GriffinLim(acoustics).speak(np.array([0, 1, 2]), np.array([40, 40, 40]))
    assert speech.shape == (120 * HOP,) and np.abs(speech).max() <= 1
    for number, formants in enumerate(VOWELS):
        part = speech[(40 * number + 8) * HOP : (40 * number + 32) * HOP]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        peak = np.argmax(spectrum) * SPEECH_RATE / len(part)
        assert min(abs(peak - formant) for formant in formants) < 100


def test_same_units_give_the_same_samples_whatever_the_padding(acoustics, monkeypatch):
    voice, units = GriffinLim(acoustics, iterations=5), np.array([0, 1, 2, 1])
    speech = voice.speak(units)
    assert (speech == voice.speak(units)).all() and len(speech) == acoustics.durations(units).sum() * HOP
    monkeypatch.setattr(module, "BLOCK", 100)
    assert voice.speak(units) == pytest.approx(speech, abs=1e-3)


def test_unknown_units_are_passed_over_and_nothing_is_silence(acoustics):
    voice = GriffinLim(acoustics, iterations=2)
    assert len(voice.speak(np.zeros(0, np.int64))) == 0 == len(voice.speak(np.array([3, 99, -1])))
    assert (voice.speak(np.array([99, 0, 3])) == voice.speak(np.array([0]))).all()
    assert len(voice.speak(np.array([0, 99, 1]), np.array([4, 50, 6]))) == 10 * HOP


def test_folder_gives_back_what_was_written(acoustics, tmp_path):
    acoustics.save(tmp_path / "a", "f")
    copy = UnitAcoustics.load(tmp_path / "a", "f")
    assert all((getattr(copy, name) == getattr(acoustics, name)).all() for name in ("log_mel", "frames", "spread"))


@pytest.mark.parametrize("name", ["log_mel", "frames", "spread"])
def test_arrays_that_cannot_be_are_refused_in_one_line(acoustics, tmp_path, name):
    for change in (lambda arrays: arrays.pop(name), lambda arrays: arrays[name].fill(np.nan)):
        acoustics.save(tmp_path / "a", "f")
        forge_arrays(tmp_path / "a", change)
        with pytest.raises(ModelFolderError, match="is not a table of acoustics, or damaged") as refusal:
            UnitAcoustics.load(tmp_path / "a")
        assert "\n" not in str(refusal.value)


def test_what_cannot_be_is_refused(acoustics, tmp_path):
    with pytest.raises(ModelFolderError):
        UnitAcoustics.load(tmp_path / "nowhere")
    waveforms, strings = vowel_strings(2)
    empty = UnitString(np.zeros(0, np.int64), np.zeros(0, np.int64), 0)
    for told, count in ((strings, 2), (strings[:1], 4), ([empty, empty], 4)):
        with pytest.raises(DataError, match="strings"):
            measure_acoustics(waveforms, told, count)
    changes = ({"log_mel": np.zeros((3, 7))}, {"frames": np.zeros(2)}, {"spread": np.full(4, np.nan)})
    for change in (*changes, {"frames": np.full(4, -1.0)}, {"frames": np.full(4, 1e9)}):
        with pytest.raises(ConfigError):
            UnitAcoustics(**{**vars(acoustics), **change})
