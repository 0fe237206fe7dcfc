import jax
import numpy as np
import pytest
from flax import nnx

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.network import build
from avnet.nn.abstract import abstract_network


def both(build_it):
    """What ours and Flax's own leave of a network: its graph and its shapes."""
    ours, theirs = abstract_network(build_it), nnx.eval_shape(lambda: build_it(nnx.Rngs(0)))
    return nnx.split(ours), nnx.split(theirs)


@pytest.mark.parametrize("network", ["ave", "avol", "l3"])
def test_it_is_what_flax_gives(network):
    config = ModelConfig.preset(network, "small")
    (graph, state), (right_graph, right) = both(lambda rngs: build(config, rngs=rngs))
    assert graph == right_graph
    assert jax.tree.structure(state) == jax.tree.structure(right)
    assert [(x.shape, x.dtype) for x in jax.tree.leaves(state)] == [(x.shape, x.dtype) for x in jax.tree.leaves(right)]
    assert all(isinstance(x, jax.ShapeDtypeStruct) for x in jax.tree.leaves(state))


def test_what_a_network_keeps_of_the_keys_draws_anew_each_time():
    (graph, _), (right, _) = both(lambda rngs: nnx.Dropout(0.5, rngs=rngs))
    assert graph == right
    network = nnx.Dropout(0.5, rngs=nnx.Rngs(1))
    filled = nnx.merge(graph, nnx.state(network))
    ones = jax.numpy.ones(64)
    assert not np.array_equal(filled(ones), filled(ones))
