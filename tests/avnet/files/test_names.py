import pytest

from avnet.files.names import LONGEST, cut_name, distinct_name, name_key, plain_name


@pytest.mark.parametrize("character", ["n", "é", "猫", "😀"])
def test_a_long_name_is_cut_between_characters(character):
    cut = cut_name(character * 300)
    assert set(cut) == {character}
    assert LONGEST - 4 < len(cut.encode()) <= LONGEST


def test_a_short_name_stays_and_odd_bytes_become_underscores():
    assert plain_name("猫 é.x") == "猫 é.x"
    assert plain_name("caf\udce9") == "caf_"


def test_names_that_are_alike_get_numbers():
    names = ["a", "A", "caf\u00e9", "cafe\u0301", "n" * 300, "n" * 301, "caf\udce9", "caf\udce8", "a-2"]
    keys: set[str] = set()
    for name in names:
        distinct = distinct_name(name, keys)
        assert len(distinct.encode()) < 210
        keys.add(name_key(distinct))
    assert len(keys) == len(names)
    assert "a-2" in keys and "a-2-2" in keys
