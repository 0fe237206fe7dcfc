import numpy as np
import pytest
from sklearn.cross_decomposition import CCA

from avnet.errors import DataError
from eval.retrieval import cca


def two_views(n=400, seed=0):
    """Two views that share three hidden causes, with noise of their own."""
    rng = np.random.default_rng(seed)
    causes = rng.normal(size=(n, 3))
    a = causes @ rng.normal(size=(3, 6)) + 0.5 * rng.normal(size=(n, 6)) + 4.0
    b = causes @ rng.normal(size=(3, 5)) + 0.5 * rng.normal(size=(n, 5)) - 1.0
    return a, b


def test_correlations_agree_with_scikit_learn():
    a, b = two_views()
    alignment = cca.fit(a, b, size=3, ridge=0.0)
    judge = CCA(n_components=3, max_iter=5000, tol=1e-10).fit(a, b)
    expected = [np.corrcoef(x, y)[0, 1] for x, y in zip(*(v.T for v in judge.transform(a, b)), strict=True)]
    np.testing.assert_allclose(alignment.correlations, expected, atol=1e-5)


def test_coordinates_of_fitted_pairs_have_the_stated_correlations_and_unit_variance():
    a, b = two_views()
    alignment = cca.fit(a, b, ridge=0.0)
    first, second = alignment.first(a), alignment.second(b)
    np.testing.assert_allclose(np.cov(first.T), np.eye(5), atol=1e-8)
    np.testing.assert_allclose(first.T @ second / (len(a) - 1), np.diag(alignment.correlations), atol=1e-8)


def test_scaling_and_moving_one_view_changes_nothing():
    a, b = two_views()
    plain, affine = cca.fit(a, b, ridge=0.0), cca.fit(10.0 * a + 3.0, b, ridge=0.0)
    np.testing.assert_allclose(plain.correlations, affine.correlations, atol=1e-8)


def test_a_dead_feature_is_no_trouble():
    a, b = two_views()
    dead = np.concatenate([a, np.zeros((len(a), 1))], axis=1)
    alignment = cca.fit(dead, b, ridge=0.0)
    np.testing.assert_allclose(alignment.correlations, cca.fit(a, b, ridge=0.0).correlations, atol=1e-8)
    assert np.isfinite(alignment.first(dead)).all()


def test_constant_views_give_coordinates_of_zero():
    alignment = cca.fit(np.ones((4, 3)), np.ones((4, 2)))
    np.testing.assert_array_equal(alignment.first(np.ones((4, 3))), np.zeros((4, 2)))


def test_the_ridge_keeps_noise_from_correlating_perfectly():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(20, 40)), rng.normal(size=(20, 40))
    assert cca.fit(a, b, ridge=0.0).correlations[0] > 0.99
    assert cca.fit(a, b, ridge=10.0).correlations[0] < 0.5


def test_fewer_pairs_than_asked_coordinates_give_fewer_coordinates():
    a, b = two_views(n=4)
    assert cca.fit(a, b, size=128).first(a).shape == (4, 3)


def test_a_single_pair_is_refused():
    with pytest.raises(DataError, match="at least two"):
        cca.fit(np.ones((1, 3)), np.ones((1, 2)))


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="not finite"):
        cca.fit(np.full((3, 2), np.nan), np.ones((3, 2)))
