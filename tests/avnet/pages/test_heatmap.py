import matplotlib
import numpy as np
import pytest

from avnet.pages.heatmap import overlay, upsample


def test_two_by_two_grid_is_scaled_as_worked_out_by_hand():
    grid = np.array([[0.0, 1.0], [0.5, 0.5]], np.float32)
    # Centres of the four columns lie at -1/4, 1/4, 3/4 and 5/4 between the cells' centres 0 and 1.
    weight = np.array([0.0, 0.25, 0.75, 1.0])
    top, bottom = weight, np.full(4, 0.5)
    expected = (1 - weight)[:, None] * top + weight[:, None] * bottom
    np.testing.assert_allclose(upsample(grid, 4, 4), expected, atol=1e-6)


def test_upsampled_map_has_the_images_size_and_type():
    heatmap = upsample(np.full((7, 9), 0.3, np.float32), 50, 61)
    assert heatmap.shape == (50, 61) and heatmap.dtype == np.float32


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_scale_is_absolute(value):
    np.testing.assert_allclose(upsample(np.full((3, 4), value, np.float32), 30, 44), value, atol=1e-6)


def test_upsampling_stays_within_the_grids_values():
    grid = np.random.default_rng(0).uniform(0.2, 0.7, (5, 6)).astype(np.float32)
    heatmap = upsample(grid, 83, 97)
    assert grid.min() - 1e-6 <= heatmap.min() and heatmap.max() <= grid.max() + 1e-6


def test_rows_are_rows():
    grid = np.zeros((4, 2), np.float32)
    grid[3, 0] = 1.0
    row, column = np.unravel_index(upsample(grid, 80, 20).argmax(), (80, 20))
    assert row >= 60 and column < 10


def test_a_mirrored_grid_gives_a_mirrored_map():
    grid = np.random.default_rng(0).uniform(size=(3, 5)).astype(np.float32)
    np.testing.assert_allclose(upsample(grid[:, ::-1], 24, 40), upsample(grid, 24, 40)[:, ::-1], atol=1e-6)


def sample_image(height=4, width=6):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def turbo(value):
    return np.asarray(matplotlib.colormaps["turbo"](round(value * 255))[:3]) * 255


def test_overlay_without_weight_is_the_image():
    np.testing.assert_array_equal(overlay(sample_image(), np.full((4, 6), 0.7), alpha=0.0), sample_image())


@pytest.mark.parametrize("value", [0.0, 0.2, 1.0])
def test_overlay_of_full_weight_is_the_colour(value):
    result = overlay(sample_image(), np.full((4, 6), value), alpha=1.0)
    np.testing.assert_array_equal(result, np.broadcast_to(np.rint(turbo(value)), (4, 6, 3)))


def test_overlay_mixes_by_its_weight():
    result = overlay(sample_image(), np.full((4, 6), 0.6), alpha=0.25)
    np.testing.assert_allclose(result, 0.75 * sample_image() + 0.25 * turbo(0.6), atol=0.51)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(
        overlay(sample_image(), np.full((4, 6), 0.6)), overlay(sample_image(), np.full((4, 6), 0.6), 0.5)
    )


def test_colour_of_a_pixel_ignores_the_rest_of_the_map():
    heatmap = np.full((4, 6), 0.4)
    alone = overlay(sample_image(), heatmap)
    heatmap[2:] = 1.0
    np.testing.assert_array_equal(overlay(sample_image(), heatmap)[:2], alone[:2])


def test_overlay_leaves_its_image_alone():
    image = sample_image()
    overlay(image, np.ones((4, 6)))
    np.testing.assert_array_equal(image, sample_image())
