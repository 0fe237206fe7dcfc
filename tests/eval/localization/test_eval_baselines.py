import numpy as np
import pytest

from eval.localization.baselines import ROWS, chance_iou, half_disc, oracle_half, score_baselines
from eval.metrics.localization import iou

SIZE = 224


def box(x0, y0, x1, y1):
    truth = np.zeros((SIZE, SIZE))
    truth[int(y0 * SIZE) : int(y1 * SIZE), int(x0 * SIZE) : int(x1 * SIZE)] = 1.0
    return truth


def test_the_half_disc_has_half_the_area_and_lies_in_the_middle():
    disc = half_disc(SIZE)
    assert disc.mean() == pytest.approx(0.5, abs=0.002)
    np.testing.assert_array_equal(disc, disc[::-1])
    np.testing.assert_array_equal(disc, disc.T)
    assert disc[SIZE // 2, SIZE // 2]
    assert not disc[0, 0]


def test_scores_of_a_centred_box_worked_out_by_hand():
    scores = score_baselines(box(0.25, 0.25, 0.75, 0.75))
    assert scores.ious["whole image"] == pytest.approx(0.25)
    # The disc's radius is 0.399 of the side, the box's half diagonal 0.354: the box lies inside.
    assert scores.ious["centred disc, half the area"] == pytest.approx(0.25 / 0.5, abs=0.002)
    assert scores.ious["oracle, half the area"] == pytest.approx(0.5)
    assert scores.ious["chance"] == pytest.approx(0.125 / 0.625)
    assert scores.centre_hit
    assert scores.random_hit == pytest.approx(0.25)


def test_a_box_in_the_corner_is_missed_by_the_centre():
    scores = score_baselines(box(0.0, 0.0, 0.2, 0.2))
    assert not scores.centre_hit
    assert scores.ious["centred disc, area of the truth"] < 0.05


@pytest.mark.parametrize("area", [0.1, 0.25, 0.5, 0.8, 1.0])
def test_no_map_of_half_the_image_beats_the_oracle(area):
    truth = box(0.0, 0.0, 1.0, area)
    best = iou(oracle_half(truth), truth)
    assert oracle_half(truth).mean() == 0.5
    assert best == pytest.approx(min(area / 0.5, 0.5 / area), abs=0.01)
    rng = np.random.default_rng(0)
    for _ in range(5):
        mask = np.zeros(truth.size, bool)
        mask[rng.permutation(truth.size)[: truth.size // 2]] = True
        assert iou(mask.reshape(truth.shape), truth) <= best


def test_chance_is_what_a_random_half_reaches():
    truth = np.maximum(box(0.1, 0.2, 0.6, 0.9), 0.5 * box(0.0, 0.0, 0.9, 0.5))
    rng = np.random.default_rng(0)
    mean = np.mean([iou(rng.random(truth.shape) < 0.5, truth) for _ in range(20)])
    assert chance_iou(truth) == pytest.approx(mean, abs=0.005)


def test_an_empty_truth_scores_zero_everywhere():
    scores = score_baselines(np.zeros((SIZE, SIZE)))
    assert set(scores.ious.values()) == {0.0}
    assert not scores.centre_hit


def test_every_baseline_is_scored():
    assert set(score_baselines(box(0, 0, 1, 1)).ious) == set(ROWS)
