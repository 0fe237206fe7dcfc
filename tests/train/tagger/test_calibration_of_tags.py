import numpy as np
import pytest

from avnet.nn.numerics import sigmoid
from avnet.tagger.vocabulary import NEVER
from train.tagger.calibration import calibrate, fit_shared, fit_shifts, threshold_of


def draw(slope, shifts, images=4000, seed=0):
    """Log-odds, and whether each word is true with the probability of the calibrated ones."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(0, 2, (images, len(shifts)))
    return log_odds, rng.random(log_odds.shape) < sigmoid(slope * log_odds + np.array(shifts))


def test_slope_and_shift_of_all_words_are_found_again():
    log_odds, said = draw(0.5, [-1.0] * 4)
    assert fit_shared(log_odds, said.astype(float)) == pytest.approx((0.5, -1.0), abs=0.05)
    assert fit_shared(-log_odds, said.astype(float)) == (1.0, 0.0)
    assert fit_shared(log_odds, 0.0 * said) == (1.0, 0.0)


def test_targets_between_are_both_answers():
    # Half of the images yes and half no is the same as one half for each.
    log_odds = np.repeat(np.linspace(-2, 2, 9), 2)[:, None]
    hard = np.tile([0.0, 1.0], 9)[:, None]
    assert fit_shared(log_odds, hard) == pytest.approx(fit_shared(log_odds, np.full_like(hard, 0.5)), abs=1e-4)


def test_shifts_of_words_are_found_again_and_rare_words_stay_near_zero():
    log_odds, said = draw(1.0, [-1.0, 0.0, 1.5], images=8000)
    assert fit_shifts(log_odds, said.astype(float)) == pytest.approx([-1.0, 0.0, 1.5], abs=0.1)
    few = fit_shifts(log_odds[:1], said[:1].astype(float))
    assert np.abs(few).max() < 0.3


def test_a_threshold_is_the_lowest_at_which_tags_are_right_often_enough():
    p = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    right = np.array([True, True, False, True, True, False, False])
    # Above .45 four of five are right, above .35 four of six, above 0 four of seven.
    assert threshold_of(p, right, 0.8) == pytest.approx(0.45)
    assert threshold_of(p, right, 0.6) == pytest.approx(0.35)
    assert threshold_of(p, right, 0.5) == 0.0
    assert threshold_of(p, right, 0.9) == NEVER


def test_equal_probabilities_are_above_a_threshold_together():
    p = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.5, 0.4])
    right = np.array([True, True, True, True, True, False, False])
    assert threshold_of(p, right, 1.0) == NEVER
    assert threshold_of(p, right, 0.8) == pytest.approx(0.45)


def test_words_have_their_own_shifts_only_where_these_help():
    log_odds, said = draw(1.0, [-2.0, 2.0])
    own = calibrate(("a", "b"), log_odds, said.astype(float), said, 0.5)
    assert own.probabilities(log_odds).mean(axis=0) == pytest.approx(said.mean(axis=0), abs=0.01)
    assert own.shift[0] < -1 and own.shift[1] > 1
    log_odds, said = draw(1.0, [0.0] * 30, images=40)
    shared = calibrate(tuple(map(str, range(30))), log_odds, said.astype(float), said, 0.5)
    assert np.ptp(shared.shift) == 0


def test_a_rare_word_has_the_threshold_of_all():
    log_odds, said = draw(1.0, [0.0, 0.0, 0.0], images=400)
    said[:, 2] = False
    said[:4, 2] = True
    vocabulary = calibrate(("a", "b", "c"), log_odds, said.astype(float), said, 0.7)
    p = vocabulary.probabilities(log_odds)
    assert vocabulary.threshold[2] == pytest.approx(threshold_of(p.ravel(), said.ravel(), 0.7), abs=1e-6)
    for word in (0, 1):
        tagged = p[:, word] > vocabulary.threshold[word]
        assert said[tagged, word].mean() >= 0.7
