import numpy as np
import pytest

from avnet.errors import DataError
from data.captions.content import FUNCTION_WORDS, content_words, times_said
from data.captions.corpus import CaptionCorpus

TEXTS = (
    "The dog's ball is red, and the dog runs!",
    "A DOG on the beach",
    "Two t-shirts near a dog",
    "two men at the beach .",
    "red red red",
    "Beach beach",
)


@pytest.fixture
def corpus(tmp_path):
    splits = ("train", "train", "validation")
    return CaptionCorpus(tmp_path, ("a", "b", "c"), splits, np.array([0, 0, 1, 1, 1, 2]), TEXTS)


def test_words_are_those_that_most_captions_of_the_split_say(corpus):
    # Of three captions dog, of two each beach, red and two; those of validation do not count.
    assert content_words(corpus, 10) == ("dog", "beach", "red", "two")
    assert content_words(corpus, 2) == ("dog", "beach")


def test_a_caption_says_a_word_once(corpus):
    assert times_said(corpus, ("dog", "red", "two", "t-shirts")).tolist() == [[2, 1, 0, 0], [1, 1, 2, 1], [0, 0, 0, 0]]


def test_function_words_and_numbers_in_digits_are_no_content(corpus):
    assert {"the", "is", "'s", "n't", "near"} <= FUNCTION_WORDS and not {"people", "two", "red"} & FUNCTION_WORDS
    other = CaptionCorpus(corpus.folder, ("a",), ("train",), np.array([0, 0]), ("the 2 of 3.5", "is 2 by 3.5"))
    with pytest.raises(DataError, match="no content word that two captions of train say"):
        content_words(other, 10)
