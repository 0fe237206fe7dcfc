import numpy as np
import pytest

from avnet.correspondence.verdict import HERE, NOWHERE, SILENCE, describe, judge, runs


def test_verdict_of_a_map_worked_out_by_hand():
    grid = np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 0.9, 0.1, 0.0]], np.float32)
    verdict = judge(1.0, grid, silent=False, threshold=0.5)
    assert (verdict.peak, verdict.mean_top_quarter) == (pytest.approx(0.9), pytest.approx(0.65))
    assert (verdict.x, verdict.y, verdict.verdict) == (0.375, 0.75, HERE)
    assert judge(1.0, grid, silent=False, threshold=0.95).verdict == NOWHERE
    assert judge(1.0, grid, silent=True, threshold=0.5).verdict == SILENCE


def test_stretches_of_one_verdict_make_one_line():
    maps = [np.full((1, 1), value, np.float32) for value in (0.9, 0.7, 0.2, 0.8)]
    stretches = runs([judge(float(i), grid, False, 0.5) for i, grid in enumerate(maps)])
    assert [len(stretch) for stretch in stretches] == [2, 1, 1]
    lines = [" ".join(describe(stretch).split()) for stretch in stretches[:2]]
    assert lines[0] == "0.00 - 1.00 s sounds here peak 0.90 at 0.00 s, x 0.50, y 0.50"
    assert lines[1] == "2.00 - 2.00 s nothing here makes this sound peak 0.20"
