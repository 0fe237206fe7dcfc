"""Records at a lower sample rate than they were written with."""

from dataclasses import replace
from math import gcd

import numpy as np
from scipy.signal import resample_poly

from data.records.segment import Segment, SegmentSource


class Resampled(SegmentSource):
    """Segments whose sound comes at another rate, and their frames at the same moments of it.

    Attributes:
        source: the segments as they are stored.
        sample_rate: Hz of the result.
    """

    def __init__(self, source: SegmentSource, sample_rate: int):
        self.source, self.sample_rate = source, sample_rate

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int, /) -> Segment:
        segment = self.source[index]
        if segment.sample_rate == self.sample_rate:
            return segment
        ratio = self.sample_rate / segment.sample_rate
        return replace(
            segment,
            waveform=resample(segment.waveform, segment.sample_rate, self.sample_rate),
            frame_at=np.rint(segment.frame_at * ratio).astype(np.int64),
            frame_period=segment.frame_period * ratio,
            sample_rate=self.sample_rate,
        )


def resample(waveform: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Sound at another rate, int16 [n * new_rate / rate], filtered so that nothing is folded back.

    Args:
        waveform: int16 [n].
        rate: its own, Hz.
        new_rate: Hz.
    """
    common = gcd(rate, new_rate)
    samples = resample_poly(waveform.astype(np.float32), new_rate // common, rate // common)
    # The filter overshoots where the sound is clipped.
    return np.rint(samples).clip(-32768, 32767).astype(np.int16)
