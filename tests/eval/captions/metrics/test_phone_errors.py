import pytest

from avnet.errors import DataError
from eval.captions import phone_error_chance, phone_error_of_people, phone_error_rate


def test_phone_errors_are_worked_out_by_hand():
    # `abcd` is one edit of four from `abce`, and three edits of three from `xyz` plus one: the least counts.
    assert phone_error_rate(["abcd", "aa"], [["abce", "xyz"], ["b"]]) == pytest.approx((1 / 4 + 2 / 1) / 2)
    # The least rate, not the fewest edits: 3 of 10 is less than 1 of 2.
    assert phone_error_rate(["abcdefg"], [["abcdefghij", "abcdef"]]) == pytest.approx(min(3 / 10, 1 / 6))


def test_chance_is_the_commonest_phone_as_often_as_the_shortest_reference_is_long():
    # `a` is commonest; of the first image the shortest has two, of the second one.
    references = [["aab", "ac"], ["d"]]
    assert phone_error_chance(references) == pytest.approx((min(1 / 3, 1 / 2) + 1) / 2)


def test_people_are_each_reference_against_the_others():
    references = [["ab", "ac", "xyz"]]
    expected = [1 / 2, 1 / 2, min(3 / 2, 3 / 2)]
    assert phone_error_of_people(references) == pytest.approx(sum(expected) / 3)


def test_phones_that_cannot_be_compared_are_refused():
    for hypotheses, references in (([], []), (["a"], []), (["a"], [[]]), (["a"], [["b", ""]])):
        with pytest.raises(DataError):
            phone_error_rate(hypotheses, references)
    for references in ([], [[]], [[""]]):
        with pytest.raises(DataError):
            phone_error_chance(references)
    with pytest.raises(DataError):
        phone_error_of_people([["a"]])
