import numpy as np
import pytest

from avnet.media.audio import Waveform
from data.sampling.stretches import stretches

RATE = 100


def parts(seconds, start_s=0.0, size=7):
    """A sound whose samples are numbered, in small parts."""
    samples = np.arange(round(seconds * RATE), dtype=np.float32)
    return (Waveform(samples[i : i + size], start_s + i / RATE, RATE) for i in range(0, len(samples), size))


def cut(seconds, bounds, longest_s=10.0, **options):
    return [
        (round(part.start_s, 6), len(part.samples) / RATE)
        for part in stretches(parts(seconds, **options), bounds, longest_s)
    ]


def test_last_two_are_equal_and_the_others_full():
    assert cut(10.0, (0, np.inf)) == [(0, 10)]
    assert cut(10.02, (0, np.inf)) == [(0, 5.01), (5.01, 5.01)]
    assert cut(25.0, (0, np.inf)) == [(0, 10), (10, 7.5), (17.5, 7.5)]
    assert cut(40.0, (0, np.inf)) == [(0, 10), (10, 10), (20, 10), (30, 10)]


def test_what_lies_outside_the_bounds_is_left_out():
    assert cut(10.0, (2.0, 6.0)) == [(2, 4)]
    assert cut(10.0, (-5.0, 6.0), start_s=1.4) == [(1.4, 4.6)]
    assert cut(10.0, (11.0, 12.0)) == [] == cut(0.0, (0.0, 1.0)) == cut(3.0, (2.0, 1.0))


def test_scenes_are_cut_each_for_itself():
    assert cut(20.0, (0.0, 3.0, 3.05, 15.0, 19.0)) == [(0, 3), (3, 0.05), (3.05, 5.98), (9.03, 5.97), (15, 4)]


@pytest.mark.parametrize("seed", range(20))
def test_every_sample_between_the_bounds_comes_once_and_in_order(seed):
    rng = np.random.default_rng(seed)
    bounds = np.sort(rng.uniform(0, 30, 6)).tolist()
    result = list(stretches(parts(25.0, size=int(rng.integers(1, 400))), bounds, 2.0))
    samples = np.concatenate([part.samples for part in result]) if result else np.zeros(0)
    first, last = (min(round(bound * RATE), 2500) for bound in (bounds[0], bounds[-1]))
    assert samples.tolist() == list(range(first, last))
    assert all(part.start_s == pytest.approx(part.samples[0] / RATE) for part in result)
    assert all(len(part.samples) <= 2 * RATE for part in result)
