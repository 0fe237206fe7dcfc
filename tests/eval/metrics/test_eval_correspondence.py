import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from avnet.errors import DataError
from eval.metrics import correspondence


def test_accuracy_counts_a_probability_of_a_half_as_matching():
    probabilities = np.array([0.5, 0.4, 0.9, 0.1])
    labels = np.array([True, True, False, False])
    assert correspondence.accuracy(probabilities, labels) == 0.5


def test_roc_auc_of_four_pairs_worked_out_by_hand():
    # Of the four (matching, mismatched) pairs two are in order, one is tied and one is not.
    scores = np.array([0.8, 0.4, 0.4, 0.6])
    labels = np.array([True, True, False, False])
    assert correspondence.roc_auc(scores, labels) == pytest.approx(2.5 / 4)


def test_roc_auc_agrees_with_scikit_learn_also_with_ties():
    rng = np.random.default_rng(0)
    labels = rng.random(500) < 0.3
    scores = np.round(rng.normal(size=500) + labels, 1)
    assert correspondence.roc_auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))


def test_roc_auc_of_one_kind_of_pair_is_refused():
    with pytest.raises(DataError, match="one kind"):
        correspondence.roc_auc(np.array([0.1, 0.2]), np.array([True, True]))


def test_probabilities_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="not finite"):
        correspondence.accuracy(np.array([np.nan]), np.array([True]))


def test_calibration_error_worked_out_by_hand():
    # The lower half holds 0.1 and 0.3 (mean 0.2, none matches), the upper 0.9 and 0.5 (mean 0.7, half do).
    probabilities = np.array([0.1, 0.3, 0.9, 0.5])
    labels = np.array([False, False, True, False])
    result = correspondence.reliability(probabilities, labels, bins=2)
    np.testing.assert_allclose(result.belief, [0.2, 0.7])
    np.testing.assert_allclose(result.frequency, [0.0, 0.5])
    assert result.expected_error == pytest.approx(0.2)


def test_a_probability_of_one_falls_into_the_last_bin_and_empty_bins_weigh_nothing():
    result = correspondence.reliability(np.array([1.0, 0.0]), np.array([True, False]), bins=15)
    np.testing.assert_array_equal(result.count, [1, *[0] * 13, 1])
    assert np.isnan(result.belief[1:-1]).all()
    assert result.expected_error == 0.0


def test_a_model_that_draws_labels_from_its_own_belief_is_calibrated():
    rng = np.random.default_rng(0)
    probabilities = rng.random(20_000)
    labels = rng.random(20_000) < probabilities
    assert correspondence.reliability(probabilities, labels).expected_error < 0.02


def test_standard_error_of_a_fair_coin():
    assert correspondence.standard_error(0.5, 100) == pytest.approx(0.05)
