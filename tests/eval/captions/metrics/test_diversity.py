import math

import numpy as np
import pytest

from avnet.errors import DataError
from eval.captions import CiderD, bad_ends, distinct_n, mean_length, repeating, self_cider


def test_distinct_runs_are_counted_by_hand():
    # 6 words of which 4 differ, 4 pairs of which 3 differ.
    descriptions = ["A dog runs.", "a dog sits"]
    assert distinct_n(descriptions, 1) == pytest.approx(4 / 6)
    assert distinct_n(descriptions, 2) == pytest.approx(3 / 4)
    assert distinct_n(["a"], 2) == distinct_n([], 1) == 0.0


def test_faults_of_form_are_counted_by_hand():
    descriptions = ["a dog in a dog in", "a dog with a", "a dog runs", ""]
    assert mean_length(descriptions) == pytest.approx((6 + 4 + 3 + 0) / 4)
    assert repeating(descriptions, 2) == repeating(descriptions, 3) == pytest.approx(1 / 4)
    assert repeating(descriptions, 1) == pytest.approx(2 / 4)
    assert bad_ends(descriptions) == pytest.approx(3 / 4)
    assert bad_ends(["A dog in the grass."]) == 0.0


def test_self_cider_is_worked_out_by_hand():
    # All words weigh ln 2 (each is of one of two images): `a b` and `a c` share one of two words and no pair.
    scorer = CiderD([[["a", "b"]], [["c", "d"]]], orders=(1, 2))
    kernel = scorer.similarity([["a", "b"], ["a", "c"]])
    assert kernel == pytest.approx(np.array([[1, 0.25], [0.25, 1]]))
    shares = math.sqrt(1.25) / (math.sqrt(1.25) + math.sqrt(0.75))
    assert self_cider([["a b", "a c"]], scorer) == pytest.approx(-math.log2(shares))
    # The mean over images: one says the same twice, one shares nothing.
    assert self_cider([["a b", "a b"], ["a b", "c d"]], scorer) == pytest.approx(0.5, abs=1e-7)
    assert self_cider([["", "."]], scorer) == 0.0


def test_self_cider_of_more_descriptions_agrees_with_their_singular_values():
    rng = np.random.default_rng(0)
    texts = [[" ".join(rng.choice(list("abcdefgh"), 6)) for _ in range(5)] for _ in range(8)]
    scorer = CiderD([[text.split() for text in several] for several in texts])
    expected = []
    for several in texts:
        values = np.linalg.svd(scorer.vectors([text.split() for text in several]).toarray(), compute_uv=False)
        expected.append(-np.log(values[0] / values.sum()) / np.log(5))
    assert self_cider(texts, scorer) == pytest.approx(np.mean(expected), abs=1e-6)


def test_similarity_is_cider_without_lengths_and_clipping():
    # Without repeated words and with all lengths alike, CIDEr-D is the same.
    references = [[["a", "b", "c"]], [["a", "d", "c"]], [["x", "y", "z"]]]
    scorer = CiderD(references, sigma=math.inf)
    strings = [several[0] for several in references]
    scores = np.array([scorer.scores([one] * 3, range(3)) for one in strings])
    assert 10 * scorer.similarity(strings) == pytest.approx(scores)


def test_what_has_no_variety_to_measure_is_refused():
    scorer = CiderD([[["a"]], [["b"]]])
    for descriptions in ([], [["a"]], [["a", "b"], ["a", "b", "c"]]):
        with pytest.raises(DataError):
            self_cider(descriptions, scorer)
    for metric in (mean_length, repeating, bad_ends):
        with pytest.raises(DataError):
            metric([])
