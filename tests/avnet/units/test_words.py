from avnet.units.words import sentence, words


def test_words_are_lower_case_without_punctuation():
    assert words(" A Dog , running -- fast ... (the 'red' one)! ") == [
        "a",
        "dog",
        "running",
        "fast",
        "the",
        "red",
        "one",
    ]
    assert words("Two t-shirts, 3 men and 1,000.5 miles.") == ["two", "t-shirts", "3", "men", "and", "1,000.5", "miles"]
    assert words("The boy's dogs' ball isn't his; o\N{RIGHT SINGLE QUOTATION MARK}clock, they're") == (
        ["the", "boy", "'s", "dogs", "ball", "is", "n't", "his", "o'clock", "they", "'re"]
    )
    assert words(text := "the boy 's is n't café") == text.split()
    assert words(" .,- ' ") == []


def test_normalisation_changes_no_sentence_twice():
    for text in ("Don't! The man's 2.5 t-shirts", "CAN'T we'd 'em rock 'n' roll", "x_y a/b"):
        assert words(" ".join(words(text))) == words(text)


def test_words_become_a_sentence_in_which_contractions_are_one_again():
    assert sentence(["it", "is", "n't", "", "the", "boy", "'s", "t-shirt"]) == "it isn't the boy's t-shirt"
    for text in ("the boy's dogs don't run", "they're 2.5 miles from rock 'n' roll"):
        assert words(sentence(words(text))) == words(text)
    assert sentence(["", ""]) == ""
