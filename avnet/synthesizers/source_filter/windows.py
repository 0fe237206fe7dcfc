"""Stretches of sound around the centres of frames."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from avnet.synthesizers.source_filter.parameters import HOP

# Frames that are worked on at a time: enough for speed, and little memory for any length.
BLOCK = 512


def centred(
    waveform: Float[np.ndarray, " samples"], frames: int, length: int
) -> Iterator[tuple[slice, Float[np.ndarray, "block length"]]]:
    """Blocks of frames with the samples around their centres; beyond the ends is silence.

    Args:
        waveform: mono at 16 kHz.
        frames: of 5 ms, of which frame i is centred on sample 80 (i + 1/2).
        length: samples of a stretch, even.
    """
    before = (length - HOP) // 2
    after = max(0, frames * HOP + length - before - len(waveform))
    padded = np.pad(np.asarray(waveform, np.float32), (before, after))
    views = np.lib.stride_tricks.sliding_window_view(padded, length)[::HOP]
    for first in range(0, frames, BLOCK):
        block = slice(first, min(first + BLOCK, frames))
        yield block, views[block]
