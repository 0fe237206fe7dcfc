"""Whether two samplers took the same from a video."""

import numpy as np

from data.sampling.sampling import Sampled
from data.sampling.sandboxed import SampledParts


def same_samples(one: Sampled, other: SampledParts) -> None:
    """Asserts it, to the bit."""
    segments = list(other.segments)
    assert (one.duration_s, one.note, one.hashes) == (other.duration_s, other.note, other.hashes)
    assert len(one.segments) == len(segments)
    for first, second in zip(one.segments, segments, strict=True):
        values, others = dict(vars(first)), dict(vars(second))
        for name in ("waveform", "frame_at"):
            array, its = values.pop(name), others.pop(name)
            assert array.dtype == its.dtype and np.array_equal(array, its)
        assert values == others
