"""Log spectrograms of batches of waveforms, on whatever device JAX runs.

Magnitude of the short-time Fourier transform with a periodic Hann window, no padding at the ends, natural logarithm of
(magnitude + floor); the log-mel form takes log(sqrt(mel-weighted power) + floor), so both are on one scale. Networks
that were trained on AudioSet take log(mel-weighted magnitude + floor), or Kaldi's log(max(mel-weighted power, floor)).

Reference: Arandjelovic and Zisserman, "Objects that Sound", 2018, section 3.1 (1 s at 48 kHz, window 480, hop 240);
Hershey et al., "CNN Architectures for Large-Scale Audio Classification", 2017, section 3.1 (the form of AudioSet);
Povey et al., "The Kaldi Speech Recognition Toolkit", 2011, its `compute-fbank-feats` without dither.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from avnet.audio.config import SpectrogramConfig

# Of each sample before, what Kaldi takes off.
PREEMPHASIS = 0.97


def mel_filterbank(config: SpectrogramConfig) -> np.ndarray:
    """Triangular filters with peak 1, equally spaced on the HTK mel scale; linear in what `config.mel` says.

    Returns:
        float64 [n_fft / 2 + 1, n_mels].

    Reference: Young et al., "The HTK Book", section 5.4; mel = 2595 log10(1 + f / 700).
    """
    if config.n_mels is None:
        raise ValueError("a spectrogram with linear bins has no mel filters")
    edges = np.linspace(_to_mel(config.f_min), _to_mel(config.f_max), config.n_mels + 2)
    bins = np.arange(config.n_fft // 2 + 1)[:, None] * config.sample_rate / config.n_fft
    if config.mel != "power":
        bins = _to_mel(bins)
    else:
        edges = 700.0 * (10.0 ** (edges / 2595.0) - 1.0)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if config.mel != "power":
        filters[0] = 0.0  # a constant offset of the waveform is nothing that is heard
    return filters


def _to_mel(frequency: Any) -> Any:
    return 2595.0 * np.log10(1.0 + frequency / 700.0)


def hann(length: int) -> np.ndarray:
    """The periodic Hann window, float64 [length]."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)


@partial(jax.jit, static_argnums=1)
def log_spectrogram(
    waveform: Float[Array, "batch samples"], config: SpectrogramConfig
) -> Float[Array, "batch bins frames 1"]:
    """The network's view of sound: frequency by time, low frequencies first.

    Args:
        waveform: mono sound in [-1, 1] at `config.sample_rate`.
        config: sizes; static under jit.

    Returns:
        Natural-log magnitudes; 257 x 199 for 1 s in the paper's setting.
    """
    frames = config.frames(waveform.shape[-1])
    starts = np.arange(frames)[:, None] * config.hop_length
    windows, window = waveform[:, starts + np.arange(config.win_length)], hann(config.win_length)
    if config.mel == "kaldi":
        windows = windows - windows.mean(axis=-1, keepdims=True)
        before = jnp.concatenate([windows[..., :1], windows[..., :-1]], axis=-1)
        windows, window = windows - PREEMPHASIS * before, np.append(hann(config.win_length - 1), 0.0)
    spectrum = jnp.fft.rfft(windows * jnp.asarray(window, waveform.dtype), n=config.n_fft)
    power = jnp.square(spectrum.real) + jnp.square(spectrum.imag)
    if config.mel == "kaldi":
        bands = power if config.n_mels is None else _mel_bands(power, config)
        return jnp.log(jnp.maximum(bands, config.floor)).swapaxes(1, 2)[..., None]
    if config.n_mels is None:
        magnitude = jnp.sqrt(power)
    elif config.mel == "magnitude":
        magnitude = _mel_bands(jnp.sqrt(power), config)
    else:
        magnitude = jnp.sqrt(_mel_bands(power, config))
    return jnp.log(magnitude + config.floor).swapaxes(1, 2)[..., None]


def _mel_bands(spectrum: Float[Array, "batch frames bins"], config: SpectrogramConfig) -> Array:
    # Unless told otherwise, accelerators multiply in bfloat16 or TF32.
    filters = jnp.asarray(mel_filterbank(config), spectrum.dtype)
    return jnp.matmul(spectrum, filters, precision=jax.lax.Precision.HIGHEST)
