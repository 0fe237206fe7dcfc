"""Spectrograms, cepstra, resampling and Griffin-Lim beside torchaudio's.

Where both define the same thing they agree to 1e-4 of the largest value. They differ on purpose in this:

* Frames of spectrograms. Ours begin with the window; PyTorch's begin where the transform does, with a shorter window in
  its middle. The waveform is padded by the difference for the judge.
* Logarithms. Ours are of magnitude + floor, torchaudio's cepstra are of power + 1e-6: twice ours, but for silence.
* Frames of Griffin-Lim. Ours are centred on the middle of each hop, with silence outside; torchaudio's on its
  beginning, with the waveform mirrored. Its momentum begins one iteration later.
* Resampling. Ours is FFmpeg's filter, torchaudio's another: they agree where both let pass.
"""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from spoken.vowels import noise, vowels

from avnet.audio.config import SpectrogramConfig
from avnet.audio.mfcc import COEFFICIENTS, FRONT, differences, static_cepstra
from avnet.audio.spectrogram import hann, log_spectrogram, mel_filterbank
from avnet.audio.stft import stft
from avnet.media.audio import read_waveform
from avnet.media.write import write_wav
from avnet.synthesizers.mel import griffin_lim as module

torch = need("torch")
from judges.torchaudio_judge import functional, transforms  # noqa: E402  (after the skip)

FORMS = [
    SpectrogramConfig(),
    SpectrogramConfig(n_mels=64),
    FRONT,
    SpectrogramConfig(sample_rate=22_050, win_length=501, hop_length=128, n_fft=1024, n_mels=80, f_min=60, f_max=7_600),
]


def close(ours, theirs, tolerance=1e-4):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


def center(waveform, config):
    """A waveform on which PyTorch's frames have their windows where ours have."""
    missing = config.n_fft - config.win_length
    return torch.as_tensor(np.pad(waveform, ((0, 0), (missing // 2, missing - missing // 2))))


@pytest.mark.parametrize("config", FORMS)
def test_log_spectrograms_agree(config):
    waveform = np.stack([0.2 * noise(7_000), vowels([0, 1, 2])[:7_000]])
    options = {"n_fft": config.n_fft, "win_length": config.win_length, "hop_length": config.hop_length, "center": False}
    if config.n_mels is None:
        judge = transforms.Spectrogram(**options, power=2)
    else:
        band = {"n_mels": config.n_mels, "f_min": config.f_min, "f_max": config.f_max}
        judge = transforms.MelSpectrogram(config.sample_rate, **options, **band, power=2, norm=None, mel_scale="htk")
    theirs = (judge(center(waveform, config)).sqrt() + config.floor).log()
    close(log_spectrogram(jnp.asarray(waveform), config)[..., 0], theirs)


@pytest.mark.parametrize("config", FORMS[1:])
def test_mel_filters_agree(config):
    edges = config.n_fft // 2 + 1, config.f_min, config.f_max, config.n_mels, config.sample_rate
    close(mel_filterbank(config), functional.melscale_fbanks(*edges, norm=None, mel_scale="htk"))


def test_cepstra_agree_but_for_the_factor_between_magnitude_and_power():
    waveform = noise(16_000)
    options = {"n_fft": FRONT.n_fft, "win_length": FRONT.win_length, "hop_length": FRONT.hop_length, "center": False}
    band = {"n_mels": FRONT.n_mels, "f_min": FRONT.f_min, "f_max": FRONT.f_max}
    judge = transforms.MFCC(FRONT.sample_rate, COEFFICIENTS, log_mels=True, melkwargs=options | band)
    close(2 * static_cepstra(waveform).T, judge(center(waveform[None], FRONT))[0])


def test_cosine_transform_agrees():
    waveform = vowels([0, 1])
    log_mel = np.asarray(log_spectrogram(jnp.asarray(waveform)[None], FRONT))[0, :, :, 0].T
    theirs = torch.tensor(log_mel) @ functional.create_dct(COEFFICIENTS, FRONT.n_mels, "ortho")
    close(static_cepstra(waveform), theirs)


@pytest.mark.parametrize("frames", [2, 3, 50])
def test_differences_agree(frames):
    values = noise(frames, 13)
    theirs = functional.compute_deltas(torch.as_tensor(values.T), win_length=5, mode="replicate").T
    close(differences(values), theirs)


@pytest.mark.parametrize(("rate", "target"), [(48_000, 16_000), (44_100, 16_000), (16_000, 48_000), (22_050, 48_000)])
def test_resampling_agrees_below_the_filters_edge(tmp_path, rate, target):
    time = np.arange(rate) / rate
    highest = 0.75 * min(rate, target) / 2
    tones = [np.sin(2 * np.pi * frequency * time + i) for i, frequency in enumerate(np.linspace(100, highest, 9))]
    waveform = (np.mean(tones, axis=0) * np.hanning(rate)).astype(np.float32)
    write_wav(tmp_path / "tones.wav", waveform, rate)
    ours = read_waveform(tmp_path / "tones.wav", target).samples
    theirs = functional.resample(torch.as_tensor(waveform), rate, target, lowpass_filter_width=64).numpy()
    close(ours[: len(theirs)], theirs[: len(ours)], 1e-3)


N_FFT, HOP = 512, 160
ROUNDS = 3


def magnitudes(waveform):
    """Of our transform."""
    return np.abs(np.asarray(stft(jnp.asarray(waveform[: len(waveform) // HOP * HOP]), N_FFT, HOP)))


def align(waveform):
    """Magnitudes of our frames and of torchaudio's, at the same places of a waveform.

    Ours of a waveform that begins half a hop later are centred where torchaudio's second and later ones are.
    """
    ours = magnitudes(waveform[HOP // 2 :])
    options = {"n_fft": N_FFT, "hop_length": HOP, "win_length": N_FFT, "power": 1}
    theirs = transforms.Spectrogram(**options)(torch.as_tensor(waveform[: -HOP // 2])).numpy().T
    return ours, theirs


def test_short_time_transforms_agree_away_from_the_ends():
    ours, theirs = align(0.3 * noise(100 * HOP + HOP // 2))
    close(ours[3:-3], theirs[4:-3])


def reference(magnitude, momentum, iterations):
    """torchaudio's waveform, all phases 0 at first."""
    window = torch.as_tensor(hann(N_FFT), dtype=torch.float32)
    sizes = N_FFT, HOP, N_FFT
    spectrum = torch.as_tensor(np.array(magnitude).T.copy())
    return functional.griffinlim(spectrum, window, *sizes, 1.0, iterations, momentum, None, False).numpy()


def test_griffin_lim_without_momentum_agrees_away_from_the_ends(monkeypatch):
    monkeypatch.setattr(module, "MOMENTUM", 0.0)
    magnitude = jnp.abs(noise(120, N_FFT // 2 + 1))
    exists = jnp.ones(len(magnitude), bool)
    # Traced by itself: JAX would keep what it traces of the function with another momentum.
    plain = inspect.unwrap(module.griffin_lim)
    ours = jax.jit(lambda phases: plain(magnitude, HOP, phases, exists, ROUNDS))(jnp.zeros_like(magnitude))
    # Sample i of torchaudio's lies half a hop later in ours; each round carries what the ends do a window further.
    theirs, edge = reference(magnitude, 0.0, ROUNDS), (ROUNDS + 1) * N_FFT
    close(ours[edge + HOP // 2 : -edge], theirs[edge : len(theirs) - edge + HOP // 2])


def test_griffin_lim_comes_as_near_to_a_magnitude():
    waveform = vowels([0, 1, 2, 0, 2])
    waveform = waveform[: len(waveform) // HOP * HOP]
    magnitude = magnitudes(waveform)

    def distance(result):
        again = magnitudes(result)
        return np.linalg.norm(again[5:-5] - magnitude[5:-5][: len(again) - 10]) / np.linalg.norm(magnitude[5:-5])

    exists = jnp.ones(len(magnitude), bool)
    ours = distance(module.griffin_lim(jnp.asarray(magnitude), HOP, jnp.zeros_like(magnitude), exists, 40))
    # torchaudio's frames begin half a hop earlier.
    theirs = distance(np.pad(reference(magnitude, 0.99, 40), (HOP // 2, HOP // 2)))
    assert ours <= 1.05 * theirs
