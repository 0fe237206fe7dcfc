from dataclasses import replace

import numpy as np
import pytest

from avnet.errors import DataError
from avnet.synthesizers.source_filter.parameters import SourceFilter


def parameters(frames: int) -> SourceFilter:
    log_f0 = np.full(frames, np.log(100), np.float32)
    ones = np.ones((frames, 5), np.float32)
    return SourceFilter(log_f0, np.ones(frames, np.float32), np.zeros((frames, 25), np.float32), ones)


@pytest.mark.parametrize("frames", [0, 1, 7])
def test_any_number_of_frames_can_be(frames):
    assert len(parameters(frames)) == frames


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("voiced", lambda x: x[:-1], r"must be float32 \[7\], got float32 \[6\]"),
        ("cepstra", lambda x: x[:, :24], r"must be float32 \[7, 25\], got float32 \[7, 24\]"),
        ("strengths", lambda x: x.astype(np.float64), r"must be float32 \[7, 5\], got float64 \[7, 5\]"),
        ("log_f0", lambda x: x * np.nan, "not finite"),
        ("log_f0", np.exp, "must be from 2.996 to 7.601, got 100 to 100"),
        ("voiced", lambda x: x + 1, "must be from 0 to 1, got 2 to 2"),
        ("strengths", lambda x: x - 2, "must be from 0 to 1, got -1 to -1"),
        ("cepstra", lambda x: x + 21, "must be from -20 to 20"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(name, change, reason):
    good = parameters(7)
    with pytest.raises(DataError, match=f"^{name}: .*{reason}") as refusal:
        replace(good, **{name: change(getattr(good, name))})
    assert "\n" not in str(refusal.value)
