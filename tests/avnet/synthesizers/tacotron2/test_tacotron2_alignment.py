"""Alignments made by hand, and what is said of them."""

import numpy as np
import pytest

from avnet.errors import DataError
from avnet.synthesizers.tacotron2.alignment import Tolerance, failure_of, measure_alignment, tokens_of_steps


def alignment_of(path, tokens, weight=1.0):
    """Weight at one token of each step, the rest spread evenly."""
    rest = (1 - weight) / max(tokens - 1, 1)
    return np.where(np.arange(tokens) == np.array(path)[:, None], weight, rest).astype(np.float32)


def test_a_perfect_alignment_has_perfect_figures():
    figures = measure_alignment(alignment_of([0, 0, 1, 1, 2, 2], 3), np.array([0, 0, 1, 1, 2, 2]))
    assert (figures.monotone, figures.focus, figures.reached, figures.distance) == (1, 1, 1, 0)
    assert (figures.skipped, figures.repeated, figures.missing) == ((), (), 0)
    # Steps lie at 1/12, 3/12, ..., tokens at 1/6, 3/6, 5/6: each step is 1/12 from its token.
    assert figures.diagonal == 1
    assert failure_of(figures, "stop") is None


def test_figures_are_worked_out_by_hand():
    # Of seven moves two go back; token 1 comes twice, so does 3; token 2 is passed over, 5 is never reached.
    path = [0, 1, 3, 1, 3, 4, 3, 4]
    figures = measure_alignment(alignment_of(path, 6, weight=0.9), np.array([0, 1, 2, 2, 3, 4, 4, 5]))
    assert figures.monotone == pytest.approx(5 / 7)
    assert figures.focus == pytest.approx(0.9)
    assert (figures.attended, figures.skipped, figures.missing) == (4, (2,), 1)
    assert figures.repeated == (1, 3, 4)
    assert figures.distance == pytest.approx((0 + 0 + 1 + 1 + 0 + 0 + 1 + 1) / 8)
    assert figures.reached == pytest.approx(4 / 6)


def test_the_diagonal_is_a_tenth_of_the_string_to_either_side():
    # Of 15 steps and tokens: a step is on the diagonal at its own token and at its neighbors.
    rest = 0.45 / 14
    assert measure_alignment(alignment_of(range(15), 15, 0.55)).diagonal == pytest.approx(0.55 + rest * 28 / 15)
    assert measure_alignment(alignment_of(range(14, -1, -1), 15)).diagonal == pytest.approx(1 / 15)
    assert measure_alignment(alignment_of([1] * 15, 15)).diagonal == pytest.approx(3 / 15)


def test_a_token_that_is_shorter_than_a_step_is_attended_by_half_of_its_weight():
    weights = np.array([[0.8, 0.2, 0.0], [0.0, 0.3, 0.7]], np.float32)
    assert measure_alignment(weights).skipped == ()
    assert measure_alignment(np.array([[0.8, 0.2, 0.0], [0.1, 0.2, 0.7]], np.float32)).skipped == (1,)


STRAIGHT = list(range(20))


@pytest.mark.parametrize(
    ("path", "weight", "ending", "kind", "reason"),
    [
        (STRAIGHT, 1.0, "limit", "endless", "it had not stopped at the limit, with 20 of 20 tokens said"),
        (STRAIGHT, 0.2, "stop", "lost", "its attention is nowhere: the largest weight is 0.20 on average"),
        (STRAIGHT[:18], 1.0, "stop", "unfinished", "it stopped before the last 2 of 20 tokens"),
        ([0, 1] * 10 + STRAIGHT, 1.0, "stop", "backward", "it went back at 26% of the steps"),
        ([*range(0, 20, 2), 19], 1.0, "stop", "skipping", "it passed over 9 of 20 tokens"),
        ([0, 1, 2, 3, 0, *range(1, 5), 2, 3, *STRAIGHT], 1.0, "stop", "repeating", "it came again to 5 of 20 tokens"),
        (STRAIGHT, 1.0, "last token attended", None, None),
    ],
)
def test_attention_that_failed_is_told_in_a_word_and_a_reason(path, weight, ending, kind, reason):
    failure = failure_of(measure_alignment(alignment_of(path, 20, weight)), ending)
    assert (failure and failure.kind, failure and failure.reason) == (kind, reason)


def test_tolerance_lets_more_through():
    figures = measure_alignment(alignment_of(STRAIGHT[:18], 20))
    assert failure_of(figures, "stop", Tolerance(missing=0.1)) is None


def test_a_step_belongs_to_the_token_of_its_middle():
    durations = np.array([1, 3, 1, 4])
    assert tokens_of_steps(durations, 1).tolist() == [0, 1, 1, 1, 2, 3, 3, 3, 3]
    assert tokens_of_steps(durations, 2).tolist() == [0, 1, 2, 3, 3]
    assert tokens_of_steps(durations, 3).tolist() == [1, 2, 3]
    assert tokens_of_steps(np.array([1, 3]), 3).tolist() == [1, 1]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_an_alignment_of_nothing_is_refused(shape):
    with pytest.raises(DataError, match="must have a step and a token"):
        measure_alignment(np.zeros(shape, np.float32))
