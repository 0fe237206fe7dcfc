"""Spectral envelopes as few numbers: cepstra on a frequency axis that is warped as hearing is.

The mel-cepstrum c of a filter is log H(z) = sum over m of c[m] w^-m, where w^-1 = (z^-1 - alpha) / (1 - alpha z^-1) is
an all-pass. All its coefficients are at m >= 0, so the filter is of minimum phase; c[0] alone is a gain.

Reference: Tokuda et al., "Mel-generalized cepstral analysis - a unified approach to speech spectral estimation", 1994,
with gamma 0; Oppenheim and Johnson, "Discrete representation of signals", 1972, for the change of axis.
"""

from functools import cache

import numpy as np
from jaxtyping import Complex, Float

from avnet.synthesizers.source_filter.parameters import COEFFICIENTS

# Of the all-pass: near to the mel scale at 16 kHz.
ALPHA = 0.42
# Length of the transforms of envelopes.
N_FFT = 1024


@cache
def spectrum_matrix(n_fft: int = N_FFT) -> Complex[np.ndarray, "coefficients bins"]:
    """Powers of the all-pass at the frequencies of a transform: `cepstra @ matrix` is the logarithm of the filter.

    Returns:
        complex64 [25, n_fft / 2 + 1].
    """
    delay = np.exp(-2j * np.pi * np.arange(n_fft // 2 + 1) / n_fft)
    allpass = (delay - ALPHA) / (1 - ALPHA * delay)
    return (allpass ** np.arange(COEFFICIENTS)[:, None]).astype(np.complex64)


def frequency_response(cepstra: Float[np.ndarray, "frames 25"]) -> Complex[np.ndarray, "frames 513"]:
    """The filters of mel-cepstra, of minimum phase, at 513 frequencies from 0 to 8 kHz."""
    return np.exp(np.asarray(cepstra, np.float32) @ spectrum_matrix())


@cache
def warping_matrix(count: int = N_FFT // 2 + 1) -> Float[np.ndarray, "count coefficients"]:
    """Takes one-sided cepstra on the axis of Hz to mel-cepstra, cut to 25: `cepstra @ matrix`.

    Column by column it is the expansion of z^-n in powers of w^-1, by the recursion of Oppenheim and Johnson.

    Returns:
        float32 [count, 25].
    """
    # z^-1 = (w^-1 + alpha) / (1 + alpha w^-1), a series whose n-th power row n holds.
    rows = np.zeros((count, COEFFICIENTS))
    rows[0, 0] = 1.0
    for n in range(1, count):
        rows[n, 0] = ALPHA * rows[n - 1, 0]
        for m in range(1, COEFFICIENTS):
            # Multiplied out: row[n] + alpha row[n] w^-1 = alpha row[n - 1] + row[n - 1] w^-1.
            rows[n, m] = ALPHA * rows[n - 1, m] + rows[n - 1, m - 1] - ALPHA * rows[n, m - 1]
    return rows.astype(np.float32)
