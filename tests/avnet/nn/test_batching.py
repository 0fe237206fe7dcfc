import numpy as np
import pytest

from avnet.nn.batching import batch_size, batched


@pytest.mark.parametrize(
    "total, largest, size",
    [
        *((0, 16, 1), (1, 16, 1), (2, 16, 2), (3, 16, 4), (16, 16, 16), (17, 16, 10), (20, 16, 10), (33, 16, 12)),
        *((64, 64, 64), (65, 64, 40), (1000, 64, 64), (5, 4, 3), (9, 4, 3), (3, 1, 1), (7, 12, 7), (13, 12, 7)),
    ],
)
def test_sizes_by_hand(total, largest, size):
    assert batch_size(total, largest) == size


def test_no_size_is_too_large_or_wastes_a_batch_and_few_are_compiled():
    for largest in (1, 3, 4, 12, 16, 64):
        sizes = {batch_size(total, largest) for total in range(1, 500)}
        assert max(sizes) <= largest and len(sizes) <= 12
        for total in range(1, 500):
            batches = -(-total // batch_size(total, largest))
            assert batches == -(-total // largest) if total > 1 else batches == 1


@pytest.mark.parametrize("total", [0, 1, 5, 16, 17, 40])
def test_results_are_those_of_the_examples_in_order(total):
    seen = []

    def double(x):
        seen.append(len(x))
        return 2 * x

    given = np.arange(total * 3.0).reshape(total, 3)
    np.testing.assert_array_equal(batched(double, given, size=16), 2 * given)
    assert len(set(seen)) == 1 and sum(seen) - total < 2 * len(seen)  # sizes of at most 16 are even
