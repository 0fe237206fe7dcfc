import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from avnet.errors import DataError
from eval.captions import tag_precision


def test_precision_of_tags_is_worked_out_by_hand():
    said = np.array([[True, False, False], [False, True, False]])
    scores = np.array([[0.1, 0.2, 0.0], [0.9, 0.8, 0.0]])
    result = tag_precision(scores, said, np.array([5.0, 1.0, 3.0]))
    # Word 0: its image is ranked second of two, word 1: first; word 2 is said nowhere.
    assert result.words == pytest.approx((1 / 2 + 1) / 2)
    # At random the one image is first or second.
    assert result.words_chance == pytest.approx(3 / 4)
    # Image 0: word 1 stands before word 0; image 1: word 0 stands before word 1.
    assert result.images == pytest.approx(1 / 2)
    # By frequency word 0 is first, word 1 third.
    assert result.images_frequency == pytest.approx((1 + 1 / 3) / 2)


def test_precision_of_tags_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    said, scores = rng.random((30, 12)) < 0.3, rng.random((30, 12))
    result = tag_precision(scores, said, rng.random(12))
    expected = [average_precision_score(said[:, word], scores[:, word]) for word in range(12)]
    assert result.words == pytest.approx(np.mean(expected))
    expected = [average_precision_score(said[image], scores[image]) for image in range(30) if said[image].any()]
    assert result.images == pytest.approx(np.mean(expected))


def test_tags_that_nobody_says_are_refused():
    with pytest.raises(DataError):
        tag_precision(np.zeros((2, 3)), np.zeros((2, 3), bool), np.zeros(3))
