"""Sound as 16-bit samples: the one rate of speech, and the one way in and out.

Two full scales are in use, each for a reason. Records, WAV files and players take `SYMMETRIC`, under which 1.0 and -1.0
are as far from silence. Recordings of speech take `EXACT`: a decoder makes n / 32768 of the sample n, so that what came
from 16 bits goes back into them without a loss.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int16

# Hz, of all recordings of speech and of all that is synthesized.
SPEECH_RATE = 16_000
SYMMETRIC, EXACT = 32767.0, 32768.0


def to_pcm(waveform: Float[np.ndarray, "*shape"], full_scale: float = SYMMETRIC) -> Int16[np.ndarray, "*shape"]:
    """16-bit samples of waveforms.

    Args:
        waveform: mono; what lies beyond [-1, 1] is clipped.
        full_scale: the sample that stands for 1.

    Example:
        >>> to_pcm(np.array([0.0, 0.5, -1.0, 3.0])).tolist()
        [0, 16384, -32767, 32767]
    """
    # A full scale of 32768 would overflow at 1.0 itself.
    steps = np.rint(np.clip(waveform, -1.0, 1.0) * waveform.dtype.type(full_scale))
    return np.minimum(steps, 32767.0).astype("<i2")


def from_pcm(samples: Any, full_scale: float = SYMMETRIC) -> Any:
    """The waveform of 16-bit samples, float32; of NumPy or JAX as the samples are.

    Args:
        samples: int16, of any shape.
        full_scale: the sample that stands for 1.

    Example:
        >>> from_pcm(np.array([0, -16384], np.int16), EXACT).tolist()
        [0.0, -0.5]
    """
    return samples.astype("float32") / np.float32(full_scale)
