"""The likeliest course of a parameter, given what each frame and each change between frames should be.

Reference: Tokuda et al., "Speech parameter generation algorithms for HMM-based speech synthesis", 2000, section 3.1,
with first differences alone.
"""

import numpy as np
from jaxtyping import Float
from scipy.linalg import solveh_banded


def deltas(columns: Float[np.ndarray, "frames columns"]) -> Float[np.ndarray, "frames columns"]:
    """Half the difference of the frames after and before each; 0 at both ends, where one of them is missing."""
    changes = np.zeros_like(columns)
    changes[1:-1] = (columns[2:] - columns[:-2]) / 2
    return changes


def likeliest(
    mean: Float[np.ndarray, "frames columns"],
    precision: Float[np.ndarray, "frames columns"],
    delta_mean: Float[np.ndarray, "frames columns"],
    delta_precision: Float[np.ndarray, "frames columns"],
) -> Float[np.ndarray, "frames columns"]:
    """Columns of greatest likelihood under normal distributions of their values and of their deltas.

    That is least squares: of (c - mean)^2 precision + (deltas(c) - delta_mean)^2 delta_precision, summed. The deltas at
    both ends do not count.

    Args:
        mean: of the frames.
        precision: inverse variances, above 0.
        delta_mean: of the deltas.
        delta_precision: inverse variances, at least 0.

    Returns:
        float64.
    """
    frames, columns = mean.shape
    if frames < 3:
        return np.asarray(mean, np.float64)
    # With d[t] = (c[t + 1] - c[t - 1]) / 2, frame t is in d[t - 1] and d[t + 1], with a quarter of their weights on the
    # diagonal, and with minus a quarter of that of d[t + 1] two places off it.
    inner = np.asarray(delta_precision, np.float64)[1:-1]
    push = inner * np.asarray(delta_mean, np.float64)[1:-1] / 2
    diagonal, right = np.asarray(precision, np.float64).copy(), np.asarray(mean * precision, np.float64)
    diagonal[2:] += inner / 4
    diagonal[:-2] += inner / 4
    right[2:] += push
    right[:-2] -= push
    result = np.empty((frames, columns))
    for column in range(columns):
        bands = np.zeros((3, frames))
        bands[2], bands[0, 2:] = diagonal[:, column], -inner[:, column] / 4
        result[:, column] = solveh_banded(bands, right[:, column])
    return result
