"""Maps of attention over boxes of any form, and the images that they colour."""

import numpy as np
import pytest

from avnet.captioners.features import grid_features, window_features
from avnet.media.image import resize_short_side
from avnet.pages.attention import FINEST, attention_overlay, pixels_of, rasterize, with_box
from avnet.pages.heatmap import overlay, upsample


def boxes_of_grid(rows, columns, width, height):
    return grid_features(np.zeros((1, rows, columns, 1), np.float32)).of_squares_in([(width, height)]).boxes[0]


def square_overlay(image, grid):
    """The picture of a grid over the central square, by its definition."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    heat = np.zeros(image.shape[:2], np.float32)
    heat[top : top + side, left : left + side] = upsample((grid / grid.max()).astype(np.float32), side, side)
    return overlay(image, heat)


@pytest.mark.parametrize(
    "size", [(224, 224), (320, 240), (240, 320), (333, 250), (500, 375), (375, 500), (641, 427), (401, 399), (64, 48)]
)
def test_a_grid_is_drawn_over_the_central_square_cell_by_cell(size):
    """Of the size at which the figures are drawn too, whose sides are rounded."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
    weights = rng.dirichlet(np.ones(49)).astype(np.float32)
    boxes = boxes_of_grid(7, 7, *size)
    for shown in (image, resize_short_side(image, 224, max_aspect=2.0)):
        expected = square_overlay(shown, weights.reshape(7, 7))
        np.testing.assert_array_equal(attention_overlay(shown, weights, boxes), expected)


def test_the_map_of_a_grid_is_the_grid():
    weights = np.random.default_rng(1).dirichlet(np.ones(15), 4).astype(np.float32)
    drawn = rasterize(weights, boxes_of_grid(3, 5, 200, 100))
    np.testing.assert_array_equal(drawn.maps, weights.reshape(4, 3, 5))
    assert drawn.box == pytest.approx((0.25, 0, 0.75, 1))


def test_weights_are_spread_over_boxes_by_area():
    """A whole image of weight .5, its right half of .25 and its lower right quarter of .25."""
    boxes = np.array([[0, 0, 1, 1], [0.5, 0, 1, 1], [0.5, 0.5, 1, 1]], np.float32)
    drawn = rasterize(np.array([[0.5, 0.25, 0.25]], np.float32), boxes)
    assert drawn.maps[0].tolist() == [[0.125, 0.25], [0.125, 0.5]] and drawn.box == (0, 0, 1, 1)


@pytest.mark.parametrize("kind", ["windows", "regions"])
def test_a_map_sums_to_its_weights_wherever_boxes_lie(kind):
    rng = np.random.default_rng(2)
    if kind == "windows":
        boxes = window_features(np.zeros((1, 7, 7, 1), np.float32)).of_squares_in([(640, 480)]).boxes[0]
    else:
        boxes = np.sort(rng.uniform(0.1, 0.9, (36, 2, 2)), axis=1).reshape(36, 4).astype(np.float32)
    weights = rng.dirichlet(np.ones(len(boxes)), 3).astype(np.float32)
    drawn = rasterize(weights, boxes)
    assert drawn.maps.sum(axis=(1, 2)) == pytest.approx(weights.sum(axis=1), abs=1e-5) and (drawn.maps >= 0).all()
    assert drawn.maps.shape[1:] == (FINEST, FINEST)
    assert drawn.box == pytest.approx((*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)))


def test_boxes_without_an_area_show_nothing():
    boxes = np.array([[0.2, 0.2, 0.2, 0.6], [0, 0, 0, 0]], np.float32)
    assert not rasterize(np.ones((2, 2), np.float32), boxes).maps.any()
    image = np.full((10, 20, 3), 9, np.uint8)
    np.testing.assert_array_equal(
        attention_overlay(image, np.ones(2, np.float32), boxes), overlay(image, np.zeros((10, 20), np.float32))
    )
    boxes[1] = [0, 0, 0.5, 1]
    assert rasterize(np.ones((2, 2), np.float32), boxes).maps.tolist() == [[[1.0]], [[1.0]]]


def test_a_region_lights_up_in_its_box_alone():
    image = np.zeros((40, 40, 3), np.uint8)
    boxes = np.array([[0.5, 0.5, 1, 1], [0, 0, 0.25, 0.25]], np.float32)
    drawn = attention_overlay(image, np.array([1.0, 0.0], np.float32), boxes)
    dark, bright = drawn[2, 2], drawn[35, 35]
    assert bright.tolist() != dark.tolist() and (drawn[:15, :15] == dark).all() and (drawn[25:, 25:] == bright).all()


def test_a_box_is_drawn_as_lines():
    image = np.zeros((100, 200, 3), np.uint8)
    drawn = with_box(image, (0.25, 0.5, 0.5, 0.9))
    rows, columns = np.nonzero(drawn[..., 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (50, 89, 50, 99)
    assert not drawn[60, 60].any() and len(rows) == 2 * (50 + 38) and not image.any()
    assert with_box(image, (0.9999, 0.9999, 1, 1))[99, 199].tolist() == [255] * 3
    assert pixels_of((0, 0, 1, 1), 100, 200) == (0, 0, 200, 100)
