import math
import random
import time

import numpy as np
import pytest

from avnet.errors import ConfigError, DataError
from eval.captions import CiderD, cider_d

TRAIN = [[["a", "b"], ["b", "c"]], [["a", "c"]], [["d"]]]


def strings(seed: int, images: int = 40, length: int = 12) -> tuple[list[list[int]], list[list[list[int]]]]:
    rng = random.Random(seed)

    def string() -> list[int]:
        return [min(int(rng.expovariate(0.1)), 60) for _ in range(rng.randint(4, length))]

    references = [[string() for _ in range(5)] for _ in range(images)]
    return [[*several[0][:5], *string()[:4]] for several in references], references


def test_score_with_frequencies_of_another_set_is_worked_out_by_hand():
    # Of three images a and c are said of two, b and d of one; (a, b) and (a, c) of one each.
    rare, common = math.log(3), math.log(3 / 2)
    # Words: `b` alone is shared, pairs: one of one. Triples and runs of four: none.
    norm = math.hypot(rare, common)
    words = rare**2 / norm / math.hypot(rare, rare)
    expected = 10 * words * math.exp(0) / 4
    assert CiderD(TRAIN).scores_against([["b", "e"]], [[["a", "b"]]])[0] == pytest.approx(expected)
    # Two references: mean of the cosines, each by its length.
    both = 10 * (1 + 1 + 0) / 4 / 2
    assert CiderD(TRAIN).scores_against([["a", "b"]], [[["a", "b"], ["d", "d", "d"]]])[0] == pytest.approx(both)


def test_end_is_worked_out_by_hand():
    # `a` and the end are said of both images and weigh nothing; (b, end) and (c, end) are of one image each, as are
    # (a, b) and (a, c). Whole: words 1, pairs 1, triple (a, b, end) 1. Cut off after `a b`: words 1, pairs 1 / sqrt 2.
    references = [[["a", "b"]], [["a", "c"]]]
    scorer = CiderD(references, count_end=True)
    whole, broken = scorer.scores([["a", "b"], ["a", "b"]], [0, 0], ended=[True, False])
    assert whole == pytest.approx(10 * 3 / 4)
    assert broken == pytest.approx(10 * (1 + 1 / math.sqrt(2)) / 4 * math.exp(-1 / 72))
    # Without the end there is nothing to break off.
    plain = CiderD(references)
    assert plain.scores([["a", "b"]] * 2, [0, 0], ended=[True, False]).tolist() == pytest.approx([5.0, 5.0])


def test_a_hanging_end_costs_more_where_the_end_counts():
    references = [[f"a {dog} runs on {ground}".split()] for dog in ("dog", "cat") for ground in ("grass", "sand")]
    hanging = ["a", "dog", "runs", "on", "grass", "with", "a"]
    losses = []
    for count_end in (False, True):
        scorer = CiderD(references, count_end=count_end)
        whole, hung = scorer.scores([references[0][0], hanging], [0, 0])
        losses.append(float(1 - hung / whole))
    assert 0 < losses[0] < losses[1]


def test_sigma_is_the_scale_of_lengths():
    references = [[["a", "b", "c", "d", "e"]], [["x"]]]
    hypothesis = [["a", "b"]]
    scores = {s: CiderD(references, sigma=s, orders=(1,)).scores(hypothesis, [0])[0] for s in (3.0, 6.0, math.inf)}
    assert scores[math.inf] == pytest.approx(10 * 2 / math.sqrt(10))
    assert scores[3.0] / scores[math.inf] == pytest.approx(math.exp(-9 / 18))
    assert scores[6.0] / scores[math.inf] == pytest.approx(math.exp(-9 / 72))


@pytest.mark.parametrize("count_end", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_frequencies_of_training_images_agree_with_public_code(seed, count_end):
    from pycocoevalcap.cider.cider_scorer import CiderScorer, precook

    def cook(tokens):
        return precook(" ".join(map(str, [*tokens, "</s>"] if count_end else tokens)))

    (_, train), (hypotheses, references) = strings(seed), strings(seed + 10)
    judge = CiderScorer(n=4, sigma=6.0)
    judge.crefs = [[cook(one) for one in several] for several in train]
    judge.compute_doc_freq()
    # As self-critical training does with that code: other images, as many, are scored with these frequencies.
    judge.crefs = [[cook(one) for one in several] for several in references]
    judge.ctest = [cook(one) for one in hypotheses]
    theirs = np.asarray(judge.compute_cider())
    scores = CiderD(train, count_end=count_end).scores_against(hypotheses, references)
    assert scores == pytest.approx(theirs, abs=1e-9) and theirs.min() > 0
    assert not np.allclose(scores, CiderD(references, count_end=count_end).scores(hypotheses, range(40)))


def test_metric_of_a_set_is_the_mean_of_the_scorer():
    hypotheses, references = strings(3)
    sentences = [" ".join(map(str, one)) for one in hypotheses]
    theirs = [[" ".join(map(str, one)) for one in several] for several in references]
    scores = CiderD(references).scores(hypotheses, range(len(references)))
    assert cider_d(sentences, theirs) == pytest.approx(scores.mean(), abs=1e-12)


def test_a_batch_is_its_rows_and_tokens_are_only_compared():
    hypotheses, references = strings(4)
    scorer, numbers = CiderD(references, count_end=True), list(range(len(references)))
    scores = scorer.scores(hypotheses, numbers)
    again = [scorer.scores([one], [number])[0] for one, number in zip(hypotheses, numbers, strict=True)]
    assert scores.tolist() == again
    assert scorer.scores_against(hypotheses, references).tolist() == scores.tolist()
    named = [[[f"piece {token}" for token in one] for one in several] for several in references]
    texts = [[f"piece {token}" for token in one] for one in hypotheses]
    assert CiderD(named, count_end=True).scores(texts, numbers).tolist() == scores.tolist()


def test_best_is_a_reference_and_nothing_said_scores_nothing():
    _, references = strings(5)
    scorer = CiderD([several[:1] for several in references])
    assert scorer.scores([several[0] for several in references], range(40)) == pytest.approx(10.0)
    assert scorer.scores([[], ["nowhere"]], [0, 1]).tolist() == [0.0, 0.0]
    assert CiderD([[[]], [["a"]]]).scores([["a"], []], [0, 1]).tolist() == [0.0, 0.0]


def test_thousands_of_strings_a_second():
    hypotheses, references = strings(6, 100)
    scorer = CiderD(references, count_end=True)
    numbers = list(range(100))
    scorer.scores(hypotheses, numbers)
    start = time.process_time()
    for _ in range(10):
        scorer.scores(hypotheses, numbers)
    # Measured: some 15,000; the bound is for the slowest of machines.
    assert 1000 / (time.process_time() - start) > 2000


def test_what_cannot_be_scored_is_refused():
    for sigma, orders in ((0.0, (1,)), (math.nan, (1,)), (6.0, ()), (6.0, (0, 1))):
        with pytest.raises(ConfigError):
            CiderD(TRAIN, sigma=sigma, orders=orders)
    for references in ([], [[["a"]], []]):
        with pytest.raises(DataError):
            CiderD(references)
    scorer = CiderD(TRAIN)
    for hypotheses, images, ended in (([["a"]], [3], None), ([["a"]], [-1], None), ([], [0], None), ([["a"]], [0], [])):
        with pytest.raises(DataError):
            scorer.scores(hypotheses, images, ended)
    with pytest.raises(DataError):
        scorer.scores_against([["a"]], [[]])
