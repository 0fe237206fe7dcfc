import random

import pytest

from avnet.errors import DataError
from eval.captions import tuple_f, tuple_scores, tuples
from eval.captions.tuples.word_classes import noun, verb


def test_the_example_of_the_paper_of_spice():
    # Anderson et al. 2016, section 3.2, in base forms.
    assert tuples("A young girl standing on top of a tennis court") == {
        ("girl",),
        ("court",),
        ("girl", "young"),
        ("girl", "stand"),
        ("court", "tennis"),
        ("girl", "on top of", "court"),
    }


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Two men are riding bikes.", [("man",), ("man", "two"), ("bike",), ("man", "ride", "bike")]),
        ("the dog is black and running", [("dog",), ("dog", "black"), ("dog", "run")]),
        ("a black and white dog", [("dog",), ("dog", "black"), ("dog", "white")]),
        ("Two dogs swim and play.", [("dog",), ("dog", "two"), ("dog", "swim"), ("dog", "play")]),
        ("a man and a woman walk", [("man",), ("woman",), ("man", "walk"), ("woman", "walk")]),
        (
            "A man in a hat throws a ball and a stick to his dog .",
            [
                *[("man",), ("hat",), ("ball",), ("stick",), ("dog",), ("man", "in", "hat")],
                *[("man", "throw", "ball"), ("man", "throw", "stick"), ("man", "to", "dog")],
            ],
        ),
        ("A group of people sit", [("person",), ("person", "sit")]),
        ("a smiling boy next to a parked car", [("boy",), ("boy", "smile"), ("car",), ("car", "park")]),
        ("the boy who wears a hat jumps", [("boy",), ("hat",), ("boy", "wear", "hat"), ("boy", "jump")]),
        ("a close up of a dog with a", [("dog",)]),
        ("", []),
        ("of the a in", []),
    ],
)
def test_claims_of_sentences(sentence, expected):
    said = tuples(sentence)
    if sentence.startswith("a smiling"):
        expected = [*expected, ("boy", "next to", "car")]
    if sentence.startswith("a close"):
        assert ("dog",) in said and not any("with" in claim for claim in said)
    else:
        assert said == set(expected)


def test_base_forms():
    plurals = "men children people puppies benches dresses glass grass leaves bushes bus tennis"
    singulars = "man child person puppy bench dress glass grass leaf bush bus tennis"
    assert [noun(word) for word in plurals.split()] == singulars.split()
    forms = "running riding jumps climbed carries lying stopped playing dancing"
    bases = "run ride jump climb carry lie stop play dance"
    assert [verb(word) for word in forms.split()] == bases.split()
    assert verb("building") is None and verb("dog") is None and verb("string") is None


def test_f_is_worked_out_by_hand():
    # Two of three claims are right; the references make five together (dog, black; dog, run; cat).
    hypothesis, references = "a black cat", ["a black dog runs", "a cat"]
    assert tuples(hypothesis) == {("cat",), ("cat", "black")}
    assert tuple_f([hypothesis], [references]) == pytest.approx(2 * 1 / (2 + 4))
    assert tuple_scores(["a dog", "nothing"], [["a dog"], ["a dog"]]).tolist() == [1.0, 0.0]
    assert tuple_f([""], [["a dog"]]) == 0.0


def test_order_and_repetition_of_what_is_claimed_change_nothing():
    assert tuples("a dog and a dog") == tuples("a dog")
    one, other = "a red ball near a dog", "A dog. A red ball near a dog."
    assert tuples(one) <= tuples(other)


def test_words_in_any_order_are_read():
    rng = random.Random(0)
    said = "a the two black dog dogs and of in on top runs running is which it to jump with very group"
    vocabulary = said.split()
    for _ in range(300):
        sentence = " ".join(rng.choices(vocabulary, k=rng.randint(1, 12)))
        assert all(1 <= len(claim) <= 3 and all(claim) for claim in tuples(sentence))


def test_what_cannot_be_compared_is_refused():
    for hypotheses, references in (([], []), (["a"], []), (["a"], [[]])):
        with pytest.raises(DataError):
            tuple_f(hypotheses, references)
