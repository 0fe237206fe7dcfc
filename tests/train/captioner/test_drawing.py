"""Draws obey the mask, and are as likely in learning as they were in drawing."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from random_networks import randomize

from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.features import grid_features
from avnet.captioners.guards import Guards, Mask
from avnet.captioners.presets import KINDS, WITH_ATTENTION
from avnet.nn.abstract import abstract_network
from avnet.units.pieces import Pieces
from train.captioner.drawing import draw, log_probability

IMAGES, DRAWS = 3, 6
# Of pieces: their units, some of which begin as others end.
PIECES = Pieces([[0], [1], [2], [0, 1], [1, 2, 0]])


def network_of(kind, pieces=PIECES, retrieved=0, longest=8):
    sizes: dict[str, Any] = {
        "width": 16,
        "hidden": 16,
        "image_features": 8,
        "pieces": len(pieces),
        "retrieved": retrieved,
    }
    sizes |= {"retrieved_length": 4, "longest": longest}
    sizes |= {"attention": 8} if kind in WITH_ATTENTION else {}
    sizes |= {"layers": 1, "heads": 2} if kind == "transformer" else {}
    config = CaptionerConfig.preset(kind, **sizes)
    network = randomize(abstract_network(lambda rngs: build_captioner(config, rngs=rngs)))
    network.train()
    return network


def batch_of(network, images=IMAGES):
    rng, config = np.random.default_rng(0), network.config
    retrieved = rng.integers(0, config.pieces, (images, config.retrieved, config.retrieved_length))
    return {
        **grid_features(rng.normal(size=(images, 2, 2, 8)).astype(np.float32))._asdict(),
        "retrieved": jnp.asarray(retrieved, jnp.int32),
        "similarity": jnp.asarray(rng.random((images, config.retrieved)), jnp.float32),
    }


@pytest.mark.parametrize(
    ("kind", "retrieved"),
    [("recurrent", 2), ("transformer", 0)]
    + [pytest.param(kind, 0, marks=pytest.mark.slow) for kind in KINDS if kind != "transformer"],
)
def test_a_draw_is_as_likely_in_learning_as_in_drawing(kind, retrieved):
    """Dropout is on in the network, and off in both."""
    network = network_of(kind, retrieved=retrieved)
    graph, params = nnx.split(network)
    mask, batch = Mask(network.config, PIECES, Guards(longest=9)), batch_of(network)

    @jax.jit
    def both(params, key):
        draws = draw(nnx.merge(graph, params), batch, key, mask, DRAWS, 0.8)
        return draws, log_probability(nnx.merge(graph, params), batch, draws.tokens, mask, 0.8)

    draws, again = both(params, jax.random.key(0))
    assert draws.tokens.shape == (IMAGES, DRAWS, mask.steps) and np.asarray(draws.log_p).min() < -0.1
    assert np.asarray(again) == pytest.approx(np.asarray(draws.log_p), abs=1e-5)


def test_draws_say_nothing_that_is_forbidden_and_end_once():
    network = network_of("recurrent")
    config = network.config
    mask = Mask(config, PIECES, Guards(longest=5), never=[2])
    draws = jax.jit(lambda key: draw(network_of("recurrent"), batch_of(network), key, mask, 200))(jax.random.key(1))
    assert mask.steps == 6
    lengths, ends = set(), set()
    rows = zip(np.asarray(draws.tokens).reshape(-1, 6), np.asarray(draws.ended).ravel(), strict=True)
    for row, ended in rows:
        string = row[row < config.pieces]
        units = PIECES.expand(string)
        assert row.tolist() == [*string, config.end, *[config.padding] * (5 - len(string))]
        assert 1 <= len(units) <= 5 and 2 not in string and not (units[1:] == units[:-1]).any()
        # Of five units none more is possible: such a string was cut off.
        assert ended == (len(units) < 5)
        lengths.add(len(units))
        ends.add(bool(ended))
    assert lengths == {1, 2, 3, 4, 5} and ends == {True, False}


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_strings_that_may_be_said_share_all_probability_and_are_drawn_by_it(temperature):
    """Two pieces, the first longer, at most three units, no unit twice in a row: three strings, told by hand."""
    pieces = Pieces([[0, 1], [0]])
    strings = [(0,), (1,), (0, 1)]
    network = network_of("recurrent", pieces)
    mask, end, padding = Mask(network.config, pieces, Guards(longest=3)), 2, 3
    assert mask.steps == 4
    table = np.full((1, len(strings), 4), padding, np.int32)
    for row, string in zip(table[0], strings, strict=True):
        row[: len(string) + 1] = [*string, end]
    batch = batch_of(network, images=1)
    log_p = log_probability(network, batch, jnp.asarray(table), mask, temperature).sum(axis=-1)
    probability = np.exp(np.asarray(log_p))[0]
    assert probability.sum() == pytest.approx(1, abs=1e-5)
    tokens = np.asarray(draw(network, batch, jax.random.key(2), mask, 4000, temperature).tokens)[0]
    shares = [(tokens == row).all(axis=1).mean() for row in table[0]]
    spread = np.sqrt(probability * (1 - probability) / 4000)
    assert (np.abs(shares - probability) < 4 * spread + 1e-9).all()


def test_without_collapsing_a_unit_may_follow_itself():
    pieces = Pieces([[0], [1]])
    network = network_of("recurrent", pieces)
    mask = Mask(network.config, pieces, Guards(longest=2, collapsed=False))
    strings = [(0,), (1,), *itertools.product((0, 1), repeat=2)]
    table = np.array([[[*string, 2, 3][:3] for string in strings]], np.int32)
    log_p = log_probability(network, batch_of(network, images=1), jnp.asarray(table), mask).sum(axis=-1)
    assert float(jnp.exp(log_p).sum()) == pytest.approx(1, abs=1e-5)
