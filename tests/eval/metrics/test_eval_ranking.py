import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from avnet.errors import DataError
from eval.metrics import ranking


def random_queries(seed=0, queries=20, gallery=40):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(queries, gallery))
    return scores, rng.integers(0, 6, size=(queries, gallery)).astype(float)


def test_average_precision_of_a_ranking_worked_out_by_hand():
    order = np.array([[True, False, True, False], [False, False, False, True]])
    np.testing.assert_allclose(ranking.average_precision(order), [(1 + 2 / 3) / 2, 1 / 4])


def test_recall_at_k_asks_for_one_relevant_item():
    order = np.array([[False, True, True], [False, False, True], [False, False, False]])
    np.testing.assert_array_equal(ranking.recall_at_k(order, 1), [0, 0, np.nan])
    np.testing.assert_array_equal(ranking.recall_at_k(order, 2), [1, 0, np.nan])
    np.testing.assert_array_equal(ranking.recall_at_k(order, 10), [1, 1, np.nan])


def test_ndcg_of_a_ranking_worked_out_by_hand():
    order = np.array([[1.0, 3.0, 2.0]])
    second = np.log2(3)
    exponential = (1 + 7 / second) / (7 + 3 / second)
    linear = (1 + 3 / second) / (3 + 2 / second)
    np.testing.assert_allclose(ranking.ndcg_at_k(order, k=2), exponential)
    np.testing.assert_allclose(ranking.ndcg_at_k(order, k=2, gain="linear"), linear)


@pytest.mark.parametrize("k", [1, 5, 30, 1000])
def test_ndcg_agrees_with_scikit_learn(k):
    scores, relevance = random_queries()
    order = ranking.rank_relevance(scores, relevance)
    exponential = ndcg_score(2.0**relevance - 1, scores, k=k)
    np.testing.assert_allclose(ranking.ndcg_at_k(order, k).mean(), exponential)
    np.testing.assert_allclose(ranking.ndcg_at_k(order, k, "linear").mean(), ndcg_score(relevance, scores, k=k))


def test_average_precision_agrees_with_scikit_learn():
    scores, relevance = random_queries()
    relevant = relevance > 3
    order = ranking.rank_relevance(scores, relevant)
    expected = [average_precision_score(r, s) for r, s in zip(relevant, scores, strict=True)]
    np.testing.assert_allclose(ranking.average_precision(order), expected)


def test_the_query_itself_is_left_out_even_where_it_scores_lowest():
    scores = np.array([[0.0, 2.0, 1.0], [2.0, 9.0, 1.0]])
    relevance = np.array([[10, 11, 12], [20, 21, 22]])
    order = ranking.rank_relevance(scores, relevance, own=np.array([0, 1]))
    np.testing.assert_array_equal(order, [[11, 12], [20, 22]])


def test_ranking_leaves_the_scores_as_they_were():
    scores, relevance = random_queries()
    before = scores.copy()
    ranking.rank_relevance(scores, relevance, own=np.arange(len(scores)))
    np.testing.assert_array_equal(scores, before)


def test_a_score_that_tells_nothing_apart_finds_nothing():
    order = ranking.rank_relevance(np.ones((10, 10)), np.eye(10, dtype=bool))
    assert ranking.recall_at_k(order, 9).sum() == 0 and ranking.recall_at_k(order, 10).all()
    scores = np.array([[2.0, 2.0, 2.0, 1.0]])
    np.testing.assert_array_equal(ranking.rank_relevance(scores, np.array([[3, 1, 2, 9]])), [[1, 2, 3, 9]])


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="not finite"):
        ranking.rank_relevance(np.array([[0.0, np.nan]]), np.array([[True, False]]))


def test_chance_of_one_relevant_item_in_two_worked_out_by_hand():
    order = np.array([[True, False]])
    np.testing.assert_allclose(ranking.chance_average_precision(order), 0.75)
    np.testing.assert_allclose(ranking.chance_recall_at_k(order, 1), 0.5)
    np.testing.assert_allclose(ranking.chance_ndcg_at_k(order.astype(float), 1), 0.5)


def test_chance_is_the_mean_over_random_orders():
    rng = np.random.default_rng(0)
    grades = rng.integers(0, 5, size=(1, 12)).astype(float)
    orders = np.stack([rng.permutation(grades[0]) for _ in range(4000)])
    flat = orders > 2
    pairs = [
        (ranking.chance_ndcg_at_k(grades, 5), ranking.ndcg_at_k(orders, 5)),
        (ranking.chance_average_precision(grades > 2), ranking.average_precision(flat)),
        (ranking.chance_recall_at_k(grades > 2, 2), ranking.recall_at_k(flat, 2)),
    ]
    for chance, mean in pairs:
        np.testing.assert_allclose(chance[0], mean.mean(), atol=0.02)


def test_queries_that_nothing_answers_are_nan_not_zero():
    nothing = np.zeros((1, 3), bool)
    assert np.isnan(ranking.average_precision(nothing)).all()
    assert np.isnan(ranking.chance_average_precision(nothing)).all()
    assert np.isnan(ranking.ndcg_at_k(nothing.astype(float))).all()
    assert np.isnan(ranking.chance_recall_at_k(nothing, 1)).all()


def test_ranking_by_parts_is_ranking_at_once():
    scores, relevance = random_queries(queries=9)
    whole = ranking.ndcg_at_k(ranking.rank_relevance(scores, relevance))
    parts = [ranking.ndcg_at_k(ranking.rank_relevance(scores[i : i + 2], relevance[i : i + 2])) for i in range(0, 9, 2)]
    np.testing.assert_allclose(np.concatenate(parts), whole)
