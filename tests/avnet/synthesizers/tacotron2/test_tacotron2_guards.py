"""Bounds of attention, by weights made by hand."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from avnet.errors import ConfigError
from avnet.synthesizers.tacotron2.guards import Guards, Watch, allowed_tokens, ending_of

N = 7
# The second string has five tokens.
MASK = np.arange(N) < np.array([[7], [5]])


def weights_at(*places):
    """Most of the weight at a token of each string."""
    return jnp.asarray(np.full((len(places), N), 0.05) + 0.6 * np.eye(N)[list(places)], jnp.float32)


def allowed_at(guards, watch, weights):
    allowed = np.asarray(allowed_tokens(guards, watch, weights, jnp.asarray(MASK)))
    return [np.flatnonzero(row).tolist() for row in allowed]


def watch_of(furthest: Any = 0, waited: Any = 0, at_last: Any = 0, frames: Any = 0):
    return Watch(*(jnp.broadcast_to(jnp.asarray(value, jnp.int32), 2) for value in (furthest, waited, at_last, frames)))


def test_the_window_is_around_what_was_attended_most():
    guards, watch = Guards(), watch_of([2, 3])
    assert allowed_at(guards, watch, weights_at(2, 3)) == [[1, 2, 3, 4, 5], [2, 3, 4]]
    assert allowed_at(guards, Watch.begin(2), jnp.zeros((2, N))) == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert allowed_at(Guards.off(), watch, weights_at(2, 3)) == [list(range(7)), list(range(5))]


def test_attention_that_waited_too_long_must_go_on_except_from_the_last_token():
    guards, watch = Guards(frames_per_token=6), watch_of([2, 4], waited=6)
    # It looked back last; what it goes on to lies beyond the window around that.
    assert allowed_at(guards, watch, weights_at(1, 4)) == [[3, 4, 5], [3, 4]]
    assert allowed_at(guards, watch_of(2, waited=5), weights_at(2, 2)) == [[1, 2, 3, 4, 5], [1, 2, 3, 4]]
    assert allowed_at(Guards(window=None, frames_per_token=6), watch, weights_at(1, 4)) == [
        [3, 4, 5, 6],
        list(range(5)),
    ]


def test_guards_watch_how_far_attention_came_and_how_long_it_stays():
    watch, mask = Watch.begin(2), jnp.asarray(MASK)
    for places in ((0, 0), (2, 4), (1, 4), (2, 3)):
        watch = watch.after(weights_at(*places), mask, frames=2)
    assert [part.tolist() for part in watch] == [[2, 4], [6, 6], [0, 4], [8, 8]]


@pytest.mark.parametrize(
    ("watch", "stop", "expected"),
    [
        (watch_of([3, 2], waited=2, frames=9), [-0.1, 0.1], [0, 1]),
        # The last tokens are 6 and 4.
        (watch_of([6, 4], at_last=[5, 4]), [-9, -9], [2, 0]),
        (watch_of([6, 4], waited=[7, 8]), [-9, 9], [0, 1]),
        (watch_of([6, 4], waited=[8, 8], frames=40), [-9, -9], [2, 2]),
        # 8 frames for each of five tokens; 50 at most.
        (watch_of([3, 3], frames=[50, 40]), [-9, -9], [3, 3]),
        (watch_of([3, 3], frames=[49, 39]), [-9, -9], [0, 0]),
    ],
)
def test_an_utterance_ends_by_itself_at_its_last_token_or_at_the_limit(watch, stop, expected):
    guards = Guards(frames_per_token=8, last_token_frames=4, longest=50)
    assert ending_of(guards, watch, jnp.asarray(stop, jnp.float32), jnp.asarray(MASK)).tolist() == expected
    assert [guards.limit(7), guards.limit(5)] == [50, 40]
    # The network alone: that it waits means nothing.
    alone = ending_of(Guards.off(longest=50), watch, jnp.full(2, -9.0), jnp.asarray(MASK))
    assert alone.tolist() == [3 * (frames >= 50) for frames in watch.frames.tolist()]


def test_the_threshold_of_stopping_is_a_probability():
    stop = jnp.log(jnp.array([0.19, 0.21]) / jnp.array([0.81, 0.79]))
    assert ending_of(Guards(stop_probability=0.2), watch_of(1), stop, jnp.asarray(MASK)).tolist() == [0, 1]


@pytest.mark.parametrize(
    "change",
    [{"window": (-1, 3)}, {"window": (1, 0)}, {"frames_per_token": 0}, {"longest": 0}, {"stop_probability": 1.0}],
)
def test_bounds_that_cannot_be_are_refused(change):
    with pytest.raises(ConfigError, match="must be"):
        Guards(**change)
