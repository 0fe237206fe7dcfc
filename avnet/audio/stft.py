"""The short-time Fourier transform and its inverse, for networks and for Griffin-Lim: differentiable, without gathers.

Frame i is centred on sample (i + 1/2) hop: n frames stand for n hops of sound, no more and no less ("same" padding with
zeros). The window is a periodic Hann of the transform's length; n_fft - hop must be even.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Complex, Float

from avnet.audio.spectrogram import hann

# Below this the windows' squares do not cover a sample.
LEAST_WEIGHT = 1e-10


def stft(waveform: Float[Array, "*batch samples"], n_fft: int, hop: int) -> Complex[Array, "*batch frames bins"]:
    """One spectrum for each hop of a waveform.

    Args:
        waveform: a whole number of hops.
        n_fft: length of window and transform.
        hop: samples between frames.
    """
    side = (n_fft - hop) // 2
    padded = jnp.pad(waveform, [(0, 0)] * (waveform.ndim - 1) + [(side, side)])
    return jnp.fft.rfft(windows(padded, n_fft, hop) * jnp.asarray(hann(n_fft), waveform.dtype))


def istft(
    spectrum: Complex[Array, "*batch frames bins"], hop: int, mask: Bool[Array, "*batch frames"] | None = None
) -> Float[Array, "*batch samples"]:
    """The waveform whose transform is nearest to a spectrum: windowed, added up, divided by the windows' squares.

    Args:
        spectrum: of frames as `stft` gives them.
        hop: samples between frames.
        mask: frames that exist; the others are silent and weigh nothing.

    Returns:
        frames * hop samples.

    Reference: Griffin and Lim, "Signal Estimation from Modified Short-Time Fourier Transform", 1984, equation 6.
    """
    n_fft = 2 * (spectrum.shape[-1] - 1)
    window = jnp.asarray(hann(n_fft), spectrum.real.dtype)
    frames = jnp.fft.irfft(spectrum, n=n_fft) * window
    exists = jnp.ones(spectrum.shape[-2], bool) if mask is None else mask
    weights = exists[..., None] * jnp.square(window)
    total = overlap_add(frames * exists[..., None], hop)
    envelope = overlap_add(weights, hop)
    side = (n_fft - hop) // 2
    inside = slice(side, side + spectrum.shape[-2] * hop)
    audible = jnp.repeat(exists, hop, axis=-1) & (envelope[..., inside] > LEAST_WEIGHT)
    # Bounded in the branch that is not taken too: its gradient is multiplied by zero, and zero times infinity is NaN.
    return jnp.where(audible, total[..., inside] / jnp.maximum(envelope[..., inside], LEAST_WEIGHT), 0.0)


def windows(x: Float[Array, "*batch samples"], length: int, hop: int) -> Float[Array, "*batch frames length"]:
    """Stretches of `length` samples, one every `hop`, that lie wholly inside.

    Glued from shifted views: on a CPU the gradient of a gather, a scatter, is many times slower.
    """
    frames = 1 + (x.shape[-1] - length) // hop
    parts = -(-length // hop)
    missing = max(0, (frames + parts - 1) * hop - x.shape[-1])
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)])
    views = [padded[..., k * hop : (k + frames) * hop].reshape(*x.shape[:-1], frames, hop) for k in range(parts)]
    return jnp.concatenate(views, axis=-1)[..., :length]


def overlap_add(frames: Float[Array, "*batch frames length"], hop: int) -> Float[Array, "*batch samples"]:
    """The sum of frames that begin one hop after the other; (frames - 1) * hop + length samples, the inverse layout."""
    count, length = frames.shape[-2:]
    parts = -(-length // hop)
    lead = [(0, 0)] * (frames.ndim - 2)
    padded = jnp.pad(frames, [*lead, (0, 0), (0, parts * hop - length)])
    total = sum(
        jnp.pad(padded[..., k * hop : (k + 1) * hop], [*lead, (k, parts - 1 - k), (0, 0)]) for k in range(parts)
    )
    return jnp.reshape(total, (*frames.shape[:-2], (count + parts - 1) * hop))[..., : (count - 1) * hop + length]
