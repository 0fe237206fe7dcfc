"""Places of images with their boxes."""

import numpy as np
import pytest

from avnet.captioners.features import grid_features, snake_features, window_boxes, window_features


def test_cells_of_a_grid_lie_row_by_row_in_their_boxes():
    grids = np.arange(12.0, dtype=np.float32).reshape(1, 2, 3, 2)
    features = grid_features(grids)
    assert features.cells[0, 4].tolist() == grids[0, 1, 1].tolist()
    assert features.boxes[0, 4] == pytest.approx([1 / 3, 0.5, 2 / 3, 1])
    assert features.mask.all() and features.select([0]).cells.shape == (1, 6, 2)


def test_a_snake_turns_at_the_ends_of_rows():
    grids = np.arange(2 * 3 * 2, dtype=np.float32).reshape(2, 3, 2, 1)
    snake = snake_features(grids)
    assert snake.cells[..., 0].tolist() == [[0, 1, 3, 2, 4, 5], [6, 7, 9, 8, 10, 11]]
    # Each lies beside the last, and has the box of its cell.
    middles = (snake.boxes[0, :, :2] + snake.boxes[0, :, 2:]) / 2 * [2, 3]
    assert np.abs(np.diff(middles, axis=0)).sum(axis=1) == pytest.approx(1)
    assert snake.boxes[0, 2] == pytest.approx([1 / 2, 1 / 3, 1, 2 / 3]) and snake.mask.all()


def test_windows_are_means_of_what_they_cover():
    """On a grid of two by two the first window is the whole; one of three along a side is half the side wide."""
    grids = np.array([[1.0, 2.0], [3.0, 6.0]], np.float32).reshape(1, 2, 2, 1)
    features = window_features(grids)
    assert features.cells.shape == (1, 30, 1) and features.boxes.shape == (1, 30, 4)
    assert features.cells[0, 0] == pytest.approx(3.0) and features.boxes[0, 0] == pytest.approx([0, 0, 1, 1])
    # Two thirds of the side: three quarters of it lie in the first column, so 9, 3, 3 and 1 sixteenths.
    assert features.boxes[0, 1] == pytest.approx([0, 0, 2 / 3, 2 / 3])
    assert features.cells[0, 1] == pytest.approx((9 * 1 + 3 * 2 + 3 * 3 + 1 * 6) / 16)
    corners = features.boxes[0, 5:14]
    assert corners[0] == pytest.approx([0, 0, 0.5, 0.5]) and features.cells[0, 5] == pytest.approx(1.0)
    assert corners[8] == pytest.approx([0.5, 0.5, 1, 1]) and features.cells[0, 13] == pytest.approx(6.0)


def test_windows_lie_in_the_image_and_reach_its_edges():
    boxes = window_boxes()
    assert boxes.min() == 0 and boxes.max() == pytest.approx(1) and (boxes[:, :2] < boxes[:, 2:]).all()
    assert len(np.unique(boxes.round(4), axis=0)) == 30


def test_a_region_of_the_image_leaves_the_places_in_it_or_the_nearest():
    features = grid_features(np.zeros((2, 2, 2, 1), np.float32))
    assert features.within((0.5, 0, 1, 1)).mask.tolist() == [[False, True, False, True]] * 2
    # Smaller than any cell: the one around it.
    assert features.within((0.1, 0.8, 0.2, 0.9)).mask.tolist() == [[False, False, True, False]] * 2


def test_a_place_without_an_area_lies_where_its_middle_does():
    features = grid_features(np.zeros((1, 1, 2, 1), np.float32))
    flat = features._replace(boxes=np.array([[[0.2, 0.1, 0.2, 0.3], [0.8, 0.5, 0.8, 0.5]]], np.float32))
    assert flat.within((0.5, 0, 1, 1)).mask.tolist() == [[False, True]]


def test_boxes_of_the_central_square_become_those_of_the_image():
    features = grid_features(np.zeros((3, 1, 2, 1), np.float32)).of_squares_in([(200, 100), (100, 200), (50, 50)])
    assert features.boxes[:, 1].tolist() == [[0.5, 0, 0.75, 1], [0.5, 0.25, 1, 0.75], [0.5, 0, 1, 1]]
