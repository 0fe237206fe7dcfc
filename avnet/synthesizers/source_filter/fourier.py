"""Fourier transforms of rows of samples: those of scipy, which keep single precision and take several rows at once."""

import numpy as np
import scipy.fft
from jaxtyping import Complex, Float


def rfft(rows: Float[np.ndarray, "*rows samples"], size: int) -> Complex[np.ndarray, "*rows bins"]:
    """The spectrum of each row, filled up with zeros to `size` samples."""
    return np.asarray(scipy.fft.rfft(rows, size, axis=-1))


def power_of(spectrum: Complex[np.ndarray, "*rows bins"]) -> Float[np.ndarray, "*rows bins"]:
    """Squares of magnitudes."""
    return np.square(np.real(spectrum)) + np.square(np.imag(spectrum))


def irfft(rows: np.ndarray, size: int) -> Float[np.ndarray, "*rows size"]:
    """The `size` samples that have a spectrum, real or complex."""
    return np.asarray(scipy.fft.irfft(rows, size, axis=-1))
