"""The network from units with durations to what frames hold."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from random_networks import randomize

from avnet.errors import ConfigError
from avnet.nn.abstract import abstract_network
from avnet.synthesizers.frame_model.config import FrameModelConfig
from avnet.synthesizers.frame_model.network import FrameModel

TINY = FrameModelConfig(7, width=16, unit_blocks=1, frame_blocks=1, duration_width=8)
UNITS, DURATIONS = np.array([[3, 1, 4, 2]]), np.array([[2, 3, 1, 4]])


@partial(jax.jit, static_argnums=(0, 4))
def run(graph, state, units, durations, frames):
    return nnx.merge(graph, state)(units, durations, frames)


def frames_of(network, units, durations, frames=20):
    """Of strings in one shape, so that it is compiled once."""
    padding = ((0, 2 - len(units)), (0, 6 - units.shape[1]))
    return np.asarray(run(*nnx.split(network), np.pad(units, padding), np.pad(durations, padding), frames))


@pytest.fixture(scope="module")
def network() -> FrameModel:
    return randomize(abstract_network(lambda rngs: FrameModel(TINY, rngs=rngs)), 0)


def test_a_frame_every_5_ms_or_every_10(network):
    assert frames_of(network, UNITS, DURATIONS).shape == (2, 20, 32)
    mel = FrameModelConfig(7, "mel")
    assert (mel.columns, mel.rate, TINY.columns, TINY.rate) == (80, 1, 32, 2)


def test_padding_changes_nothing(network):
    alone = frames_of(network, UNITS, DURATIONS)
    longer = np.array([[3, 1, 4, 2, 6, 6], [1, 2, 1, 2, 1, 2]]), np.array([[2, 3, 1, 4, 0, 0], [4, 4, 4, 4, 4, 4]])
    assert np.allclose(alone[0], frames_of(network, *longer)[0], atol=1e-4)
    assert np.allclose(alone[0], frames_of(network, *longer, frames=60)[0, :20], atol=1e-4)


def test_all_that_it_is_told_matters(network):
    def frames(units, durations):
        return frames_of(network, units, durations)[0]

    as_it_is = frames(UNITS, DURATIONS)
    assert not np.allclose(as_it_is, frames(np.array([[3, 1, 4, 5]]), DURATIONS), atol=1e-2)
    # The frames of a unit differ by where they stand in it, and by how long it lasts.
    assert not np.allclose(as_it_is[4], as_it_is[7], atol=1e-2)
    # The first unit hears of the length of the last.
    assert not np.allclose(as_it_is[0], frames(UNITS, np.array([[2, 3, 1, 3]]))[0], atol=1e-4)


def test_it_learns_a_string_by_heart(network):
    graph, params, rest = nnx.split(network, nnx.Param, ...)
    target = jnp.asarray(np.random.default_rng(0).normal(size=(1, 20, 32)), jnp.float32)
    optimizer = optax.adam(1e-2)

    @jax.jit
    def update(params, state):
        def loss(params):
            model = nnx.merge(graph, params, rest)
            return jnp.abs(model(jnp.asarray(UNITS), jnp.asarray(DURATIONS), 20) - target).mean()

        value, gradient = jax.value_and_grad(loss)(params)
        change, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, change), state, value

    state, values = optimizer.init(params), []
    for _ in range(100):
        params, state, value = update(params, state)
        values.append(float(value))
    assert values[-1] < 0.5 * values[0]


@pytest.mark.parametrize(
    "change", [{"units": 0}, {"parameters": "wave"}, {"width": 0}, {"frame_blocks": 65}, {"unit_blocks": -1}]
)
def test_sizes_that_cannot_be_are_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        FrameModelConfig(**{"units": 5, **change})
