"""What draws are rewarded for."""

import numpy as np
import pytest

from avnet.consensus.cider import CiderD
from avnet.units.pieces import Pieces
from train.captioner.rewards import REWARDS, Said

WORDS = ("", "a", "dog", "with", "hat", "cat", "runs", "the")
NUMBER = {word: number for number, word in enumerate(WORDS)}
TEXTS = ["a dog with a hat", "the dog with a hat", "a cat runs", "the zebra runs", "a dog runs"]
# Images 3, 5 and 7 of a corpus, the last of validation.
IMAGE_OF = np.array([3, 3, 5, 5, 7])
TRAINING = np.array([0, 1, 2, 3])


def words_of(texts=TEXTS):
    pieces = Pieces([[number] for number in range(len(WORDS))])
    return Said([text.split() for text in texts], IMAGE_OF, TRAINING, WORDS, pieces, sigma=6.0)


def rewards(texts, images, ended=None, said=None):
    reward = REWARDS["cider"](said or words_of())
    return reward.scores(
        [[NUMBER[word] for word in text.split()] for text in texts], images, ended or [True] * len(texts)
    )


def test_the_reward_of_words_is_cider_d_with_the_end_and_the_frequencies_of_training_images():
    sides = [[text.split() for text in TEXTS[:2]], [text.split() for text in TEXTS[2:4]]]
    judge = CiderD(sides, count_end=True)
    hypotheses = ["a dog runs", "a cat with a hat"]
    expected = judge.scores([text.split() for text in hypotheses], [0, 1])
    assert rewards(hypotheses, [3, 5]) == pytest.approx(expected)
    assert expected.min() > 0.1
    # What people say of validation changes no frequency; its image can be judged all the same.
    other = words_of([*TEXTS[:4], "hat hat hat"])
    assert rewards(hypotheses, [3, 5], said=other) == pytest.approx(expected)
    assert rewards(["a dog runs"], [7]) == pytest.approx(
        judge.scores_against([["a", "dog", "runs"]], [[["a", "dog", "runs"]]])
    )


def test_breaking_off_costs_and_so_does_being_cut_off():
    whole, broken = rewards(["a dog with a hat", "a dog with a"], [3, 3])
    [cut] = rewards(["a dog with a hat"], [3], [False])
    assert whole > cut > broken > 0


def test_lengths_are_compared_by_half_of_what_is_usual():
    """Strings of 4 and 8 pieces, 6 in the mean: sigma is 3. One piece more than a reference is exp(-1 / 18)."""
    pieces = Pieces([[number] for number in range(10)])
    strings = [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9, 0, 1]]
    said = Said(strings, np.array([0, 1]), np.array([0, 1]), range(10), pieces)
    expected = CiderD([[strings[0]], [strings[1]]], sigma=3.0, count_end=True).scores([[0, 1, 2, 3, 4]], [0])
    assert REWARDS["cider"](said).scores([[0, 1, 2, 3, 4]], [0], [True]) == pytest.approx(expected)
    assert not np.allclose(expected, CiderD([[row] for row in strings], count_end=True).scores([[0, 1, 2, 3, 4]], [0]))


def test_two_ways_to_cut_the_same_units_are_rewarded_alike_by_units_alone():
    pieces = Pieces([[0], [1], [2], [0, 1], [3]])
    said = Said([[0, 1, 2], [4, 4, 2]], np.array([0, 1]), np.array([0, 1]), range(5), pieces)
    ways = [[0, 1, 2], [3, 2]]
    one, other = REWARDS["cider-units"](said).scores(ways, [0, 0], [True, True])
    assert one == pytest.approx(other) and one > 1
    one, other = REWARDS["cider"](said).scores(ways, [0, 0], [True, True])
    assert one > other


def spoken(**changes):
    """Four pieces, each heard and seen in a direction of its own; both images have one recording of their piece."""
    axes = np.eye(4, dtype=np.float32)
    pieces = Pieces([[0], [1], [2], [3]])
    content = {"strings": [[0], [1], [2], [3]], "image_of": np.array([0, 1, 2, 3]), "training": np.arange(4)}
    return Said(**{**content, "tokens": range(4), "pieces": pieces, "seen": axes, "heard": axes} | changes)


def test_similarity_is_that_of_the_pieces_with_the_image():
    reward = REWARDS["similarity"](spoken())
    scores = reward.scores([[0], [1], [0, 1], [0, 0, 1], [], [2]], [0, 0, 0, 0, 0, 2], [True] * 5 + [False])
    # Of two pieces, of which one fits: cos 45 degrees; of which one fits and is said twice: 2 / sqrt(5).
    assert scores == pytest.approx([10, 0, 10 / 2**0.5, 20 / 5**0.5, 0, 0], abs=1e-5)


def test_what_a_piece_means_is_learned_from_recordings_for_training_alone():
    axes = np.eye(4, dtype=np.float32)
    # The last string, which is not learned from, would have piece 0 mean what piece 3 does.
    content = {"strings": [[0], [1], [2], [0]], "heard": axes, "training": np.arange(3)}
    reward = REWARDS["similarity"](spoken(**content))
    assert reward.scores([[0], [0], [3]], [0, 3, 3], [True] * 3) == pytest.approx([10, 0, 0], abs=1e-5)
    with pytest.raises(ValueError, match="needs embeddings"):
        REWARDS["similarity"](spoken(seen=None))
