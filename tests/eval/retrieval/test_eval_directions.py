import numpy as np
import pytest

from eval.retrieval import directions
from eval.retrieval.directions import embedding_space, pairing_space

# Two dogs, a cat, and one without a label. Sounds point where images do; the dogs' sounds are exchanged.
IMAGES = np.array([[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
SOUNDS = IMAGES[[1, 0, 2, 3]] * 5.0
ITEMS = np.array([0, 1, 2])
CLASSES = [[0], [0], [1]]


def test_the_partner_is_found_where_the_embedding_points_at_it():
    results = directions.instance_results(embedding_space(IMAGES, SOUNDS), 4)
    assert results["im-aud"]["recall@1"] == pytest.approx(0.5)
    assert results["im-aud"]["recall@5"] == 1.0
    assert results["im-aud"]["map"] == pytest.approx((0.5 + 0.5 + 1 + 1) / 4)
    assert results["chance"]["recall@1"] == pytest.approx(0.25)


def test_class_retrieval_worked_out_by_hand():
    results = directions.class_results(embedding_space(IMAGES, SOUNDS), CLASSES, ITEMS)
    # The cat has no other cat among the images; both dogs find each other first.
    assert results["im-im"]["recall@1"] == 1.0
    assert results["im-im"]["queries without an answer"] == 1
    # Across, the two dogs' sounds come first for both dogs, whoever's they are.
    assert results["im-aud"]["map"] == 1.0
    assert results["im-aud"]["queries without an answer"] == 0
    # Chance: a dog's sound first in 2 of 3 cases, the cat's in 1 of 3; the other dog in 1 of 2.
    assert results["chance"]["recall@1"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 3) / 3)
    assert results["chance, query left out"]["recall@1"] == pytest.approx(1 / 2)


def test_graded_retrieval_of_an_ideal_space_scores_one():
    of_classes = np.array([[20.0, 18.0], [18.0, 20.0]])
    results = directions.graded_results(embedding_space(IMAGES, SOUNDS), of_classes, CLASSES, ITEMS, "exponential")
    assert results["im-aud"]["ndcg@30"] == pytest.approx(1.0)
    assert 0.25 < results["chance"]["ndcg@30"] < 1.0


def test_ranking_a_few_queries_at_a_time_changes_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    space = embedding_space(rng.normal(size=(11, 4)), rng.normal(size=(11, 4)))
    classes = [[int(c)] for c in rng.integers(0, 3, 11)]
    at_once = directions.class_results(space, classes, np.arange(11))
    monkeypatch.setattr(directions, "ROWS_AT_ONCE", 2)
    for name, row in directions.class_results(space, classes, np.arange(11)).items():
        assert row == pytest.approx(at_once[name]), name


def test_random_embeddings_are_at_chance():
    rng = np.random.default_rng(0)
    space = embedding_space(rng.normal(size=(600, 16)), rng.normal(size=(600, 16)))
    classes = [[i % 6] for i in range(600)]
    results = directions.class_results(space, classes, np.arange(600))
    for name in directions.CROSS_MODAL:
        assert results[name]["map"] == pytest.approx(results["chance"]["map"], abs=0.01)
    for name in ("im-im", "aud-aud"):
        assert results[name]["map"] == pytest.approx(results["chance, query left out"]["map"], abs=0.01)


def test_a_pairing_is_read_along_rows_for_images_and_along_columns_for_sounds():
    matrix = np.array([[0.9, 0.8], [0.1, 0.2]])
    results = directions.instance_results(pairing_space(matrix, SOUNDS[:2]), 2)
    assert results["im-aud"]["recall@1"] == 1.0
    assert results["aud-im"]["recall@1"] == 0.5


def test_a_network_that_scores_pairs_has_no_image_to_image_direction():
    space = pairing_space(np.eye(3), SOUNDS[:3])
    results = directions.class_results(space, CLASSES, ITEMS)
    assert set(results) == {"im-aud", "aud-im", "aud-aud", "chance", "chance, query left out"}


def test_length_of_the_features_does_not_matter():
    space, longer = (
        embedding_space(IMAGES, SOUNDS),
        embedding_space(IMAGES * np.array([[1], [9], [3], [2]]), SOUNDS),
    )
    assert directions.instance_results(space, 4) == directions.instance_results(longer, 4)
