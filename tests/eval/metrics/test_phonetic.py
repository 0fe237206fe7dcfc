"""Agreement of units with phones, worked out by hand and by brute force."""

from itertools import product

import numpy as np
import pytest

from eval.metrics.phonetic import Triphone, abx, agreement, angle, entropy, unequal, warped


def test_agreement_of_four_frames_by_hand():
    figures = agreement(np.array([0, 0, 1, 1]), np.array([3, 3, 3, 5]))
    # One bit of units, .8113 of phones, 1.5 of both.
    assert figures == pytest.approx({"purity": 0.75, "nmi": 0.31128 / 0.90564}, abs=1e-4)
    same = np.array([4, 1, 1, 0])
    assert agreement(same, same) == pytest.approx({"purity": 1.0, "nmi": 1.0})
    assert agreement(np.zeros(4, int), same)["nmi"] == 0 and agreement(same[:0], same[:0])["purity"] == 0


def test_entropy_of_equal_shares_is_the_logarithm_of_their_number():
    assert entropy(np.array([2, 2, 0, 2, 2])) == pytest.approx(2) and entropy(np.zeros(3)) == 0


def cheapest(one: np.ndarray, other: np.ndarray) -> float:
    """Mean distance on the path of least total distance, of all paths; of equal totals any."""
    best: dict[tuple[int, int], list[tuple[float, int]]] = {}
    for i, j in product(range(len(one)), range(len(other))):
        cost = float(angle(one[i : i + 1], other[j : j + 1])[0])
        ways = [way for at in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) for way in best.get(at, [])]
        best[i, j] = [(total + cost, steps + 1) for total, steps in ways or [(0.0, 0)]]
    total, steps = min(best[len(one) - 1, len(other) - 1])
    return total / steps


def test_frames_are_warped_along_the_cheapest_of_all_paths():
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(n, 3)), rng.normal(size=(m, 3))) for n, m in ((1, 4), (3, 3), (5, 2), (4, 5))]
    assert warped(pairs, angle) == pytest.approx([cheapest(one, other) for one, other in pairs])


def spoken(phones: list[int], frames_of: dict[int, list[int]]) -> tuple[list[Triphone], list[np.ndarray]]:
    """Triphones between two phones 0, each a recording of its own."""
    triphones = [Triphone(phone, (0, 0), number, 0, len(frames_of[phone])) for number, phone in enumerate(phones)]
    return triphones, [np.array(frames_of[phone], float)[:, None] for phone in phones]


@pytest.mark.parametrize(
    ("frames_of", "error"),
    [
        # Units of their own; the same for both; the one thing that differs is length, which warping takes away.
        ({1: [7, 7, 8], 2: [7, 9, 8]}, 0.0),
        ({1: [7, 8], 2: [7, 8]}, 0.5),
        ({1: [7, 8, 8, 8], 2: [7, 7, 8]}, 0.5),
    ],
)
def test_error_of_two_phones_by_hand(frames_of, error):
    triphones, frames = spoken([1, 2, 1, 2, 1], frames_of)
    assert abx(triphones, frames, unequal, 0) == error


def test_chance_is_a_half_and_nothing_to_compare_is_no_number():
    rng = np.random.default_rng(0)
    triphones, _ = spoken([1, 2] * 200, {1: [0] * 5, 2: [0] * 5})
    contexts = [Triphone(one.phone, (n // 10, 0), one.recording, 0, 5) for n, one in enumerate(triphones)]
    frames = [rng.integers(9, size=(5, 1)).astype(float) for _ in triphones]
    assert abx(contexts, frames, unequal, 0) == pytest.approx(0.5, abs=0.08)
    # One phone in each context.
    assert np.isnan(abx([Triphone(1, (0, 0), 0, 0, 5), Triphone(1, (0, 0), 1, 0, 5)], frames, unequal, 0))
