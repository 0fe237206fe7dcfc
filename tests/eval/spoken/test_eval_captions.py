import math
import random
from typing import Any

import pytest

from avnet.errors import DataError
from eval.spoken.captions import (
    bleu,
    caption_scores,
    cider_d,
    distinct,
    edits,
    meteor,
    rouge_l,
    unit_error_rate,
    vocabulary,
    word_error_rate,
)
from eval.spoken.captions.meteor import align, stats

NAMES = [
    "a",
    "the",
    "dog",
    "dogs",
    "cat",
    "runs",
    "running",
    "over",
    "grass",
    "red",
    "ball",
    "man",
    "plays",
    "on",
    "beach",
    "two",
]

# Scores by meteor-1.5.jar with -m "exact stem" -w "1.0 0.6" -p "0.85 0.2 0.6 0.75".
JAR = (
    ("a brown dog runs over the grass", "the dogs are running over green grass", 0.24434807340556067),
    ("two men play", "two man are playing in the park", 0.09256198347107437),
    ("the ball of the child", "a child with the red ball", 0.24242424242424243),
    ("people on a beach near the water", "on the beach people are walking near water", 0.3086816720257235),
    ("a dog jumping", "a dog jumps", 0.8285714285714284),
    ("nothing", "a dog", 0.0),
)
JAR_OF_ALL = 0.23801655331327684


def captions(seed: int, sets: int = 30) -> tuple[list[str], list[list[str]]]:
    """Sentences drawn from few words, so that longer runs are shared too; two to five references each."""
    rng = random.Random(seed)

    def sentence() -> str:
        return " ".join(rng.choices(NAMES, k=rng.randint(4, 12)))

    references = [[sentence() for _ in range(rng.randint(2, 5))] for _ in range(sets)]
    hypotheses = [" ".join([*rng.choice(several).split()[: rng.randint(4, 12)], "cat"]) for several in references]
    return hypotheses, references


def by_number(sentences: list) -> dict[int, Any]:
    return {i: one if isinstance(one, list) else [one] for i, one in enumerate(sentences)}


def test_bleu_is_worked_out_by_hand():
    # Words: 3 of 4 are right, pairs: 2 of 3, triples: 1 of 2, no run of four; the reference is longer by one.
    scores = bleu(["the dog runs home"], [["the dog runs far away"]])
    brevity = math.exp(1 - 5 / 4)
    assert scores == pytest.approx((brevity * 0.75, brevity * math.sqrt(0.75 * 2 / 3), brevity * 0.25 ** (1 / 3), 0.0))
    # A word counts as often as in the reference that has it most.
    assert bleu(["the the the"], [["the cat", "the the dog"]])[0] == pytest.approx(2 / 3)
    # As close: the shorter of two references.
    assert bleu(["a b c"], [["a b", "a b c d"]])[0] == pytest.approx(1.0)
    assert bleu(["", "a"], [["a"], ["b"]]) == (0.0, 0.0, 0.0, 0.0)


def test_rouge_is_worked_out_by_hand():
    # The longest subsequence is `a c d`: precision 3/4, recall 3/5.
    precision, recall = 3 / 4, 3 / 5
    assert rouge_l(["a c x d"], [["a b c d e"]]) == pytest.approx(
        2.44 * precision * recall / (recall + 1.44 * precision)
    )
    assert rouge_l(["", "z", "a b"], [["a"], ["a"], ["a b"]]) == pytest.approx(1 / 3)


def test_cider_is_worked_out_by_hand():
    # Each word is said of one of two images: all weigh ln 2. No run is longer than two words, so two of four orders
    # are empty. The second: one of two words (cosine 1/2), no pair.
    assert cider_d(["a b", "c x"], [["a b"], ["c d"]]) == pytest.approx(10 * (2 + 0.5) / 4 / 2)
    # One word longer: exp(-1 / 72), words 2 / (sqrt 2 sqrt 3), pairs 1 / sqrt 2.
    longer = math.exp(-1 / 72) * (2 / math.sqrt(6) + 1 / math.sqrt(2)) / 4
    assert cider_d(["a b y", "z"], [["a b"], ["c d"]]) == pytest.approx(10 * longer / 2)
    # What is said of every image weighs nothing.
    assert cider_d(["a", "a"], [["a"], ["a"]]) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_scores_agree_with_public_code(seed):
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    hypotheses, references = captions(seed)
    theirs, ours = by_number(references), by_number(hypotheses)
    assert bleu(hypotheses, references) == pytest.approx(Bleu(4).compute_score(theirs, ours, verbose=0)[0], abs=1e-6)
    assert rouge_l(hypotheses, references) == pytest.approx(float(Rouge().compute_score(theirs, ours)[0]), abs=1e-9)
    assert cider_d(hypotheses, references) == pytest.approx(float(Cider().compute_score(theirs, ours)[0]), abs=1e-9)


def test_alignment_takes_all_matches_in_the_fewest_runs():
    # The second `the` continues the run; the first is nearer.
    assert align(["the", "dog"], ["the", "cat", "the", "dog"]) == [(0, 2, 1.0), (1, 3, 1.0)]
    assert align(["dogs", "run"], ["run", "dog"]) == [(0, 1, 0.6), (1, 0, 1.0)]
    assert align(["dog", "dog"], ["dog"]) == [(0, 0, 1.0)]


def test_meteor_is_worked_out_by_hand():
    # Content words weigh 0.75, function words 0.25: `the` 0.25, `dog` 0.75, `running`/`runs` 0.6 x 0.75, one run of 3.
    right = 0.25 + 0.75 + 0.45
    precision, recall = right / 1.75, right / 2.5
    mean = precision * recall / (0.85 * precision + 0.15 * recall)
    assert meteor(["the dog running"], [["the dog runs home"]]) == pytest.approx(mean * (1 - 0.6 * (1 / 3) ** 0.2))
    assert meteor(["the dog"], [["a cat", "the dog"]]) == 1.0
    assert meteor(["", "x"], [["a"], ["b"]]) == 0.0
    # Of a set, counts are added up: a whole sentence is no run, so here are two runs in four words.
    scores = meteor(["the dog", "cat the"], [["the dog"], ["the cat"]])
    assert scores == pytest.approx(1 - 0.6 * 0.5**0.2)


def test_meteor_gives_what_the_jar_of_its_authors_gave():
    for ours, theirs, score in JAR:
        assert stats(ours.split(), theirs.split()).score == pytest.approx(score, abs=1e-9)
    scores = meteor([ours for ours, _, _ in JAR], [[theirs] for _, theirs, _ in JAR])
    assert scores == pytest.approx(JAR_OF_ALL, abs=1e-9)


def test_error_rates_are_worked_out_by_hand():
    assert edits("kitten", "sitting") == 3 and edits("", "ab") == 2 and edits("abc", "abc") == 0
    # One substitution and one insertion in the first, one deletion in the second, of 3 + 2 words.
    assert word_error_rate(["A dog runs.", "the end"], ["a cat runs on", "end!"]) == pytest.approx(3 / 5)
    assert unit_error_rate([[1, 2, 3, 4]], [[1, 3, 4, 4]]) == pytest.approx(2 / 4)
    assert word_error_rate(["a"], ["b c d"]) == 3.0


@pytest.mark.parametrize("seed", range(3))
def test_word_errors_agree_with_jiwer(seed):
    import jiwer

    hypotheses, references = captions(seed)
    firsts = [several[0] for several in references]
    assert word_error_rate(firsts, hypotheses) == pytest.approx(jiwer.wer(firsts, hypotheses), abs=1e-12)


def test_all_scores_of_perfect_and_of_empty_descriptions():
    _, references = captions(5, 10)
    perfect = caption_scores([several[0] for several in references], references)
    assert [perfect[f"BLEU-{order}"] for order in (1, 2, 3, 4)] == pytest.approx([1.0] * 4)
    assert perfect["ROUGE-L"] == perfect["METEOR"] == 1.0 and 0 < perfect["CIDEr-D"] <= 10
    assert perfect["distinct"] == len(references) and perfect["vocabulary"] == len(NAMES)
    empty = caption_scores([""] * len(references), references)
    assert set(empty.values()) == {0.0, 1.0} and empty["distinct"] == 1.0


def test_order_of_the_images_changes_nothing():
    hypotheses, references = captions(6, 10)
    assert caption_scores(hypotheses[::-1], references[::-1]) == pytest.approx(caption_scores(hypotheses, references))


def test_variety_is_counted_in_words():
    assert vocabulary(["A dog.", "a cat", ""]) == 3
    assert distinct(["A dog.", "a dog", "a cat"]) == 2


def test_what_cannot_be_compared_is_refused():
    for metric in (bleu, rouge_l, cider_d, meteor):
        for hypotheses, references in (([], []), (["a"], []), (["a"], [[]]), (["a"], [["."]])):
            with pytest.raises(DataError):
                metric(hypotheses, references)
    for references, hypotheses in ((["a"], []), ([""], ["a"]), ([], [])):
        with pytest.raises(DataError):
            word_error_rate(references, hypotheses)
