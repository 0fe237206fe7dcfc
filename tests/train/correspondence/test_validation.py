import dataclasses

import numpy as np
import pytest
from media.films import film, run
from sklearn.metrics import roc_auc_score

from avnet.correspondence.config import ModelConfig
from avnet.errors import DataError
from data.records.records import open_split
from train.correspondence.program import check_videos
from train.correspondence.validation import read_validation, summarize
from train.engine.calibration import fit_calibration

EYE = np.eye(3, dtype=bool)


def test_hand_worked_figures_of_three_images_and_sounds():
    scores = np.array([[2.0, -1.0, 1.0], [-1.0, -2.0, 3.0], [-3.0, -1.0, 1.0]])
    result = summarize(scores, EYE)
    # Positives 2, -2, 1 against -1, 1, -1, 3, -3, -1: 5 + 1 + 4.5 of 18 are won, a tie counting half.
    assert result["auc"] == pytest.approx(10.5 / 18)
    assert result["avc"] == pytest.approx(0.5 * 2 / 3 + 0.5 * 4 / 6)
    assert result["recall_at_1"] == pytest.approx(2 / 3)


def test_auc_agrees_with_scikit_learn():
    scores = np.random.default_rng(0).normal(size=(20, 20)).round(1)
    labels = np.eye(20, dtype=bool)
    assert summarize(scores, labels)["auc"] == pytest.approx(roc_auc_score(labels.ravel(), scores.ravel()))


def test_pairs_of_one_video_are_no_mismatched_pairs():
    scores = np.array([[1.0, 9.0, -1.0], [9.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])
    same = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], bool)
    assert summarize(scores, same)["auc"] == 1.0
    assert summarize(scores, EYE)["auc"] < 1.0


def test_moments_of_a_single_video_are_mismatched_pairs(tmp_path):
    film(tmp_path / "films" / "a.mp4", 0, 4.0)
    run(tmp_path / "films", tmp_path / "corpus", fractions=(0.0, 1.0, 0.0))
    sizes = dataclasses.replace(ModelConfig.small("ave"), image_size=32)
    data = read_validation(tmp_path / "corpus", sizes, 10)
    assert len(data.images) >= 2 and np.array_equal(data.same_video, np.eye(len(data.images), dtype=bool))
    with pytest.raises(DataError, match="has a single moment; a mismatched pair needs two"):
        read_validation(tmp_path / "corpus", sizes, 1)


def test_a_single_video_to_train_on_is_refused(tmp_path):
    film(tmp_path / "films" / "a.mp4", 0, 3.0)
    run(tmp_path / "films", tmp_path / "corpus")
    with pytest.raises(DataError, match=r"has a single video to train on.*three or more videos as --data"):
        check_videos(tmp_path / "corpus", open_split(tmp_path / "corpus", "train"))


def test_calibration_finds_the_scale_that_was_hidden():
    rng = np.random.default_rng(1)
    n = 400
    true = rng.normal(-1.5, 1.0, (n, n))
    np.fill_diagonal(true, rng.normal(1.5, 1.0, n))
    # Two normal classes at +-1.5 with variance 1 and equal weight have log-odds 3 x.
    slope, shift = fit_calibration(true / 2 + 4, np.eye(n, dtype=bool))
    assert slope == pytest.approx(6, rel=0.15)
    assert shift == pytest.approx(-24, rel=0.15)


def test_calibration_never_turns_the_scores_upside_down():
    scores = -np.eye(5) + np.random.default_rng(2).normal(scale=0.1, size=(5, 5))
    assert fit_calibration(scores, np.eye(5, dtype=bool)) == (1.0, 0.0)
    assert fit_calibration(scores, np.ones((5, 5), bool)) == (1.0, 0.0)


def test_calibration_of_few_clear_pairs_is_not_certain():
    scores = np.where(np.eye(10, dtype=bool), 3.0, -3.0)
    slope, shift = fit_calibration(scores, np.eye(10, dtype=bool))
    # Platt's targets for 10 and 90 pairs: 11/12 and 1/92.
    assert 1 / (1 + np.exp(-(slope * 3 + shift))) == pytest.approx(11 / 12, abs=1e-3)
    assert 1 / (1 + np.exp(slope * 3 - shift)) == pytest.approx(1 / 92, abs=1e-3)
