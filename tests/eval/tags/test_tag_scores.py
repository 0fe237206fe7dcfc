import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from eval.tags.scores import (
    calibration_error,
    chance_mean_average_precision,
    mean_average_precision,
    precision_and_recall,
)


def test_average_precision_is_of_images_and_words_that_none_has_do_not_count():
    truth = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]], bool)
    scores = np.array([[0.9, 0.1, 0.5], [0.8, 0.2, 0.5], [0.1, 0.9, 0.5], [0.2, 0.3, 0.5]])
    # First word: right at places 1 and 4, (1/1 + 2/4) / 2 = .75; second: at 1 and 3, (1/1 + 2/3) / 2 = .8333.
    assert mean_average_precision(scores, truth) == pytest.approx((0.75 + 5 / 6) / 2)
    assert np.isnan(mean_average_precision(scores, truth & False))
    assert np.isnan(chance_mean_average_precision(truth & False))


def test_scikit_learn_agrees():
    rng = np.random.default_rng(0)
    truth, scores = rng.random((50, 6)) < 0.3, rng.random((50, 6))
    expected = np.mean([average_precision_score(truth[:, word], scores[:, word]) for word in range(6)])
    assert mean_average_precision(scores, truth) == pytest.approx(expected)


def test_who_knows_frequencies_alone_gets_no_more_than_chance():
    rng = np.random.default_rng(1)
    truth = rng.random((30, 4)) < [0.1, 0.2, 0.3, 0.5]
    constant = np.broadcast_to(truth.mean(axis=0), truth.shape)
    orders = [mean_average_precision(rng.random(truth.shape), truth) for _ in range(2000)]
    chance = chance_mean_average_precision(truth)
    assert mean_average_precision(constant, truth) <= chance == pytest.approx(np.mean(orders), abs=0.01)


def test_precision_and_recall_are_over_all_tags():
    truth = np.array([[1, 0, 1], [0, 1, 1]], bool)
    tagged = np.array([[1, 1, 0], [0, 0, 1]], bool)
    assert precision_and_recall(tagged, truth) == pytest.approx((2 / 3, 2 / 4))
    assert np.isnan(precision_and_recall(tagged & False, truth)[0])


def test_calibration_is_the_distance_of_probability_and_frequency():
    # In the bin from .2 on .25 against 1/2, in that from .9 on 1 against 1: (2 * .25 + 2 * 0) / 4.
    p = np.array([[0.25, 1.0], [0.25, 1.0]])
    assert calibration_error(p, np.array([[1.0, 1.0], [0.0, 1.0]])) == pytest.approx(0.125)
