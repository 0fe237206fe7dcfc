import numpy as np
import pytest
from sklearn.metrics import auc

from eval.metrics import localization


def ramp(size=4):
    """Values that grow from the upper left to the lower right, all different."""
    return np.arange(size * size, dtype=np.float32).reshape(size, size) / (size * size)


def test_median_mask_selects_the_upper_half():
    np.testing.assert_array_equal(
        localization.median_mask(ramp()), np.repeat([[False], [True]], [2, 2], axis=0).repeat(4, axis=1)
    )


@pytest.mark.parametrize("size", [4, 5, 224])
def test_median_mask_is_what_public_code_selects(size):
    heatmap = np.random.default_rng(0).random((size, size)).astype(np.float32)
    normal = (heatmap - heatmap.min()) / (heatmap.max() - heatmap.min())
    threshold = np.sort(normal.flatten())[int(size * size / 2)]
    np.testing.assert_array_equal(localization.median_mask(heatmap), normal >= threshold)


def test_median_mask_of_a_constant_map_is_the_whole_image():
    assert localization.median_mask(np.full((6, 6), 0.3)).all()


def test_median_mask_ignores_scale_and_offset():
    heatmap = np.random.default_rng(1).random((8, 8))
    np.testing.assert_array_equal(localization.median_mask(heatmap), localization.median_mask(0.1 + heatmap / 4))


def test_area_mask_selects_as_many_pixels_as_asked():
    assert np.count_nonzero(localization.area_mask(ramp(), 5)) == 5
    assert not localization.area_mask(ramp(), 0).any()
    assert localization.area_mask(ramp(), 16).all()


def test_iou_with_partial_agreement_worked_out_by_hand():
    truth = np.array([[1.0, 0.5], [0.0, 0.0]])
    mask = np.array([[True, False], [True, False]])
    # Inside 1; all truth 1.5 and one selected pixel without any.
    assert localization.iou(mask, truth) == pytest.approx(1 / 2.5)


def test_iou_of_nothing_with_nothing_is_zero():
    assert localization.iou(np.zeros((2, 2), bool), np.zeros((2, 2))) == 0.0


def test_iou_of_boxes_is_intersection_over_union():
    mask, truth = np.zeros((10, 10), bool), np.zeros((10, 10))
    mask[0:4, 0:5], truth[2:6, 0:5] = True, 1.0
    assert localization.iou(mask, truth) == pytest.approx(10 / 30)


def test_ciou_counts_an_iou_of_exactly_a_half():
    assert localization.ciou(np.array([0.5, 0.49, 0.9])) == pytest.approx(2 / 3)


def test_success_auc_worked_out_by_hand():
    # One image at 1 succeeds everywhere, one at 0 only at the threshold 0: rates 1, 0.5, ..., 0.5.
    assert localization.success_auc(np.array([1.0, 0.0])) == pytest.approx(0.5 + 0.05 * 0.25)


def test_success_auc_agrees_with_scikit_learn():
    ious = np.random.default_rng(0).random(100)
    thresholds = [0.05 * i for i in range(21)]
    assert localization.success_auc(ious) == pytest.approx(auc(thresholds, [(ious >= t).mean() for t in thresholds]))


def test_peak_cell_is_the_centre_of_the_highest_cell_of_a_non_square_grid():
    grid = np.zeros((2, 5))
    grid[1, 3] = 1.0
    assert localization.peak_cell(grid) == (3.5 / 5, 1.5 / 2)


def test_pointing_hits_inside_the_box_and_misses_outside():
    truth = np.zeros((224, 224))
    truth[0:112, 56:112] = 0.5
    assert localization.points_inside((0.3, 0.2), truth)
    assert not localization.points_inside((0.2, 0.2), truth)
    assert not localization.points_inside((0.3, 0.6), truth)
    assert not localization.points_inside((1.0, 1.0), truth)


def test_confidence_is_the_mean_of_the_highest_quarter():
    heatmap = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]])
    assert localization.confidence(heatmap) == pytest.approx(0.75)


def test_confidence_is_absolute():
    heatmap = np.random.default_rng(0).random((8, 8))
    assert localization.confidence(heatmap / 2) == pytest.approx(localization.confidence(heatmap) / 2)


def test_share_highlighted_uses_one_threshold_for_all():
    assert localization.highlighted_share(np.array([[0.5, 0.49], [0.51, 0.0]]), 0.5) == 0.5


def test_a_map_is_scaled_without_leaving_its_range():
    grid = np.random.default_rng(0).random((14, 20)).astype(np.float32)
    heatmap = localization.to_map(grid)
    assert heatmap.shape == (224, 224)
    assert grid.min() <= heatmap.min() <= heatmap.max() <= grid.max()
