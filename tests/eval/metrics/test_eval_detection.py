import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from avnet.errors import DataError
from eval.metrics import detection

SOUNDING = np.array([True, True, True, False])
IOUS = np.array([0.9, 0.2, 0.6, 0.0])


def test_curve_of_four_images_worked_out_by_hand():
    curve = detection.precision_recall(np.array([0.9, 0.8, 0.4, 0.6]), IOUS, SOUNDING)
    np.testing.assert_allclose(curve.threshold, [0.9, 0.8, 0.6, 0.4])
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 1 / 3, 2 / 4])
    # Missed sounding images: two, one, one, none. The ill-placed one is no longer missed.
    np.testing.assert_allclose(curve.recall, [1 / 3, 1 / 2, 1 / 2, 1])


def test_average_precision_and_f1_worked_out_by_hand():
    curve = detection.precision_recall(np.array([0.9, 0.8, 0.4, 0.6]), IOUS, SOUNDING)
    assert detection.average_precision(curve) == pytest.approx(1 / 3 + (1 - 1 / 3) * 0.5)
    assert detection.max_f1(curve) == pytest.approx(2 * 0.5 * 1 / 1.5)


def test_average_precision_without_misplacement_is_the_interpolated_one_of_detection():
    rng = np.random.default_rng(0)
    sounding = rng.random(200) < 0.5
    confidences = rng.random(200) + 0.5 * sounding
    curve = detection.precision_recall(confidences, np.ones(200), sounding)
    plain = average_precision_score(sounding, confidences)
    # Interpolation raises each precision to the best that follows.
    assert plain <= detection.average_precision(curve) <= plain + 0.05


def test_equal_confidences_are_detected_together():
    curve = detection.precision_recall(np.ones(4), IOUS, SOUNDING)
    np.testing.assert_allclose(curve.precision, [2 / 4])
    np.testing.assert_allclose(curve.recall, [1])


def test_order_of_the_images_does_not_matter():
    confidences = np.array([0.5, 0.5, 0.4, 0.5])
    forwards = detection.precision_recall(confidences, IOUS, SOUNDING)
    backwards = detection.precision_recall(confidences[::-1], IOUS[::-1], SOUNDING[::-1])
    np.testing.assert_array_equal(forwards.precision, backwards.precision)


def test_perfect_maps_and_confidences_score_one():
    curve = detection.precision_recall(
        np.array([0.9, 0.8, 0.1]), np.array([1.0, 1.0, 0.0]), np.array([True, True, False])
    )
    assert detection.average_precision(curve) == 1.0
    assert detection.max_f1(curve) == 1.0


def test_maps_that_are_all_misplaced_score_zero():
    curve = detection.precision_recall(np.array([0.9, 0.8]), np.zeros(2), np.array([True, True]))
    assert detection.average_precision(curve) == 0.0
    assert detection.max_f1(curve) == 0.0


def test_localization_accuracy_looks_at_sounding_images_alone():
    assert detection.localization_accuracy(IOUS, SOUNDING) == pytest.approx(2 / 3)
    assert np.isnan(detection.localization_accuracy(IOUS, np.zeros(4, bool)))


def test_no_image_is_refused():
    with pytest.raises(DataError, match="at least one"):
        detection.precision_recall(np.zeros(0), np.zeros(0), np.zeros(0, bool))
