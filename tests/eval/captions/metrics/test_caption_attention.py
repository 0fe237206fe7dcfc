import numpy as np
import pytest

from avnet.captioners.features import grid_boxes, window_boxes
from avnet.errors import DataError
from eval.captions import attention_correctness, evenness

NOTHING = [np.nan] * 4


def test_attention_in_a_box_is_worked_out_by_hand():
    places = grid_boxes(2, 2)
    boxes = np.array([[0, 0, 0.5, 1], NOTHING, [0.25, 0, 0.75, 0.5]])
    attention = np.array([[0.6, 0.1, 0.3, 0.0], [1, 0, 0, 0], [0.5, 0.5, 0.0, 0.0]])
    result = attention_correctness(attention, places, boxes)
    # The first: the two cells at the left. The third: half of each of the two at the top.
    assert result.inside == pytest.approx((0.9 + 0.5) / 2)
    assert result.chance == pytest.approx((0.5 + 0.25) / 2) and result.words == 2


def test_attention_spread_evenly_over_a_grid_is_chance():
    rng = np.random.default_rng(0)
    corners = np.sort(rng.random((20, 2, 2)), axis=1)
    boxes = corners.transpose(0, 1, 2).reshape(20, 4)
    result = attention_correctness(np.full((20, 35), 7.0), grid_boxes(5, 7), boxes)
    assert result.inside == pytest.approx(result.chance, abs=1e-6)


def test_evenness_is_the_share_of_places_that_are_looked_at():
    everywhere, one, two = [0.25] * 4, [0.0, 0.0, 1.0, 0.0], [2.0, 2.0, 0.0, 0.0]
    assert evenness(np.array([everywhere])) == pytest.approx(1.0)
    assert evenness(np.array([one])) == pytest.approx(0.25)
    assert evenness(np.array([everywhere, one, two])) == pytest.approx((1 + 0.25 + 0.5) / 3)


def test_attention_that_is_nowhere_looks_at_no_place():
    # The sentinel of adaptive attention can have all of it: exp(0) places.
    assert evenness(np.zeros((1, 4))) == pytest.approx(0.25)


def test_attention_agrees_with_pixels():
    rng = np.random.default_rng(1)
    places, weights = window_boxes().astype(np.float64), rng.random(30)
    box = np.array([0.2, 0.3, 0.7, 0.8])
    size = 400
    x = (np.arange(size) + 0.5) / size
    heat = np.zeros((size, size))
    for (left, top, right, bottom), weight in zip(places, weights, strict=True):
        inside = ((x >= top) & (x < bottom))[:, None] & ((x >= left) & (x < right))
        heat += weight * inside / inside.sum()
    target = ((x >= box[1]) & (x < box[3]))[:, None] & ((x >= box[0]) & (x < box[2]))
    result = attention_correctness(weights[None], places, box[None])
    assert result.inside == pytest.approx((heat * target).sum() / heat.sum(), abs=0.01)


def test_attention_without_a_box_or_nowhere_is_refused():
    places = grid_boxes(1, 2)
    box = np.array([[0.0, 0, 1, 1]])
    for attention, boxes in (([[1.0, 0]], [NOTHING]), ([[0.0, 0]], box), ([[2.0, -1]], box)):
        with pytest.raises(DataError):
            attention_correctness(np.array(attention), places, np.array(boxes))
