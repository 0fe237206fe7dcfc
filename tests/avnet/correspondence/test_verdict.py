import numpy as np
import pytest

from avnet.correspondence.verdict import HERE, NOWHERE, SILENCE, judge, stretches


def test_verdict_of_a_map_worked_out_by_hand():
    grid = np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 0.9, 0.1, 0.0]], np.float32)
    verdict = judge(1.0, grid, silent=False, threshold=0.5)
    assert (verdict.peak, verdict.mean_top_quarter) == (pytest.approx(0.9), pytest.approx(0.65))
    assert (verdict.x, verdict.y, verdict.verdict) == (0.375, 0.75, HERE)
    assert judge(1.0, grid, silent=False, threshold=0.95).verdict == NOWHERE
    assert judge(1.0, grid, silent=True, threshold=0.5).verdict == SILENCE


def test_neighbors_of_one_verdict_make_one_stretch():
    maps = [np.full((1, 1), value, np.float32) for value in (0.9, 0.7, 0.2, 0.8)]
    verdicts = [judge(float(i), grid, False, 0.5) for i, grid in enumerate(maps)]
    assert [[verdict.time_s for verdict in stretch] for stretch in stretches(verdicts)] == [[0, 1], [2], [3]]
