"""What a captioner is taught, and that each can learn: a few images by heart."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.features import grid_features
from avnet.captioners.guards import Guards
from avnet.captioners.presets import KINDS, WITH_ATTENTION, WITH_HEADS
from avnet.captioners.search import Search
from avnet.units.pieces import Pieces
from train.captioner.objective import (
    ENTROPY,
    REWARD,
    mean_log_probability,
    objective_of,
    reinforced,
    uncovered,
    unforeseen,
)

IMAGES, PIECES, STEPS = 20, 8, 300


def test_even_looking_costs_nothing_and_staring_is_worked_out_by_hand():
    """Over two steps each of two cells gets its share 1; who stares gives 2 and 0. The third step is padding."""
    mask = jnp.array([[True, True, False]])
    assert float(uncovered(jnp.array([[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]]), mask)) == 0
    assert float(uncovered(jnp.array([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]]), mask)) == 1


def test_the_reward_of_a_draw_is_worked_out_by_hand():
    """Log-probabilities -1 and -3 are 1 above and below the usual; the padded one counts for nothing."""
    log_p, draw = jnp.array([[-1.0, -3.0, 9.0]]), jnp.array([[-0.5, -0.25, 9.0]])
    entropy, mask = jnp.array([[0.5, 0.25, 9.0]]), jnp.array([[True, True, False]])
    expected = -(REWARD * (1 * -0.5 + -1 * -0.25) + ENTROPY * 0.75) / 2
    assert float(reinforced(log_p, draw, entropy, mask)) == pytest.approx(expected)
    gradients = jax.grad(reinforced, argnums=(0, 1))(log_p, draw, entropy, mask)
    # What was drawn is made likelier by what came of it; what came of it is not changed that way.
    assert gradients[0].tolist() == [[0, 0, 0]]
    assert gradients[1][0].tolist() == pytest.approx([-REWARD / 2, REWARD / 2, 0])


def test_the_surprise_of_a_prediction_ahead_is_worked_out_by_hand():
    """The first step gives the second token a half, the second the third a quarter; after that is padding."""
    following = jnp.log(jnp.array([[[0.5, 0.5, 1e-9], [0.25, 0.25, 0.5], [0.1, 0.1, 0.8], [0.1, 0.1, 0.8]]]))
    targets, mask = jnp.array([[2, 0, 1, 2]]), jnp.array([[True, True, True, False]])
    assert float(unforeseen(following, targets, mask)) == pytest.approx((np.log(2) + np.log(4)) / 3)
    reached = jax.grad(unforeseen)(following, targets, mask)
    assert np.abs(reached[0, :2]).max(axis=1) == pytest.approx([0.5 / 3, 0.75 / 3]) and (reached[0, 2:] == 0).all()


def learned(kind, images, strings):
    """A small network after some steps on all images at once, through the loss of the training program."""
    sizes = {"width": 24, "hidden": 32, "image_features": 8, "pieces": PIECES, "dropout": 0.0, "retrieved": 0}
    sizes |= {"attention": 16} if kind in WITH_ATTENTION else {}
    sizes |= {"layers": 1, "heads": 2} if kind in WITH_HEADS else {}
    network = build_captioner(CaptionerConfig.preset(kind, longest=8, **sizes), rngs=nnx.Rngs(0))
    network.train()
    graph, params = nnx.split(network)
    end = network.config.end
    batch = {
        **grid_features(jnp.asarray(images))._asdict(),
        "retrieved": jnp.zeros((IMAGES, 0, 1), jnp.int32),
        "similarity": jnp.zeros((IMAGES, 0)),
        "inputs": jnp.asarray([[end, *string] for string in strings]),
        "targets": jnp.asarray([[*string, end] for string in strings]),
    }
    optimizer, objective = optax.adam(1e-2), objective_of()

    def loss(params, key):
        model = nnx.merge(graph, params)
        return objective.loss(model, objective.features(model, batch, key), batch)[0]

    def update(state, key):
        params, moments = state
        changes, moments = optimizer.update(jax.grad(loss)(params, key), moments, params)
        return (optax.apply_updates(params, changes), moments), None

    keys = jax.random.split(jax.random.key(0), STEPS)
    (params, _), _ = jax.jit(lambda state: jax.lax.scan(update, state, keys))((params, optimizer.init(params)))
    return nnx.merge(graph, params)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[] if kind == "lrcn" else pytest.mark.slow) for kind in KINDS]
)
def test_a_few_images_are_learned_by_heart_and_told_apart_by_sight(kind):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(IMAGES, 2, 2, 8)).astype(np.float32)
    strings = list(itertools.islice(itertools.permutations(range(PIECES), 4), 0, None, 80))[:IMAGES]
    search = Search(learned(kind, images, strings), Pieces([[i] for i in range(PIECES)]), Guards())
    nothing = (np.zeros((IMAGES, 0, 1), np.int32), np.zeros((IMAGES, 0), np.float32))
    assert [row[0].pieces for row in search.beam(grid_features(images), *nothing, beams=1)] == strings
    other = search.beam(grid_features(np.roll(images, 1, axis=0)), *nothing, beams=1)
    assert [row[0].pieces for row in other] == strings[-1:] + strings[:-1]


def test_descriptions_of_one_image_share_its_encoding():
    """The loss is that of the same descriptions, each with its own copy of the image."""
    sizes: dict[str, Any] = {"width": 8, "hidden": 8, "image_features": 6, "pieces": 5, "dropout": 0.0, "retrieved": 0}
    network = build_captioner(CaptionerConfig.preset("adaptive", longest=8, **sizes), rngs=nnx.Rngs(0))
    network.eval()
    rng = np.random.default_rng(0)
    grids, tokens = rng.normal(size=(2, 2, 2, 6)).astype(np.float32), rng.integers(0, 5, (6, 4))
    nothing = {"retrieved": np.zeros((2, 0, 1), np.int32), "similarity": np.zeros((2, 0), np.float32)}
    batch = {**grid_features(grids)._asdict(), **nothing, "inputs": tokens[:, :-1], "targets": tokens[:, 1:]}
    images = ("cells", "mask", "boxes", *nothing)
    each = {name: np.repeat(rows, 3, axis=0) if name in images else rows for name, rows in batch.items()}
    shared, apart = (mean_log_probability(network, [one]) for one in (batch, each))
    assert shared == pytest.approx(apart, abs=1e-6) and shared < -0.5
