import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from random_networks import randomize

from avnet.backbones.audio.config import AUDIO_BACKBONES, AudioBackboneConfig
from avnet.backbones.audio.network import AUDIO_NETWORKS, abstract_audio
from avnet.backbones.audio.yamnet import ConvNorm
from avnet.errors import ConfigError
from avnet.files.weights import arrays_of

YAMNET = AudioBackboneConfig.yamnet()


def spectrograms(count=2, frames=96):
    return np.random.default_rng(1).normal(size=(count, 64, frames, 1)).astype(np.float32)


@pytest.mark.parametrize("relu6", [False, True])
def test_every_layer_agrees_with_torch(relu6):
    need("torch")
    from judges.torch_yamnet import twin_layers

    config = AudioBackboneConfig.yamnet(relu6=relu6)
    network = randomize(abstract_audio(config))
    network.eval()
    layers = nnx.jit(lambda net, x: net.layers(x))(network, spectrograms())
    for layer, expected in zip(layers, twin_layers(arrays_of(network), spectrograms(), relu6), strict=True):
        assert layer.shape == expected.shape
        assert np.abs(layer - expected).max() <= 1e-4 * np.abs(expected).max()
    assert (max(float(layer.max()) for layer in layers) == 6.0) == relu6


def test_number_of_parameters_is_that_of_the_published_network():
    sizes = [leaf.size for leaf in jax.tree.leaves(nnx.state(abstract_audio(YAMNET), nnx.Param))]
    trunk = [leaf.size for leaf in jax.tree.leaves(nnx.state(abstract_audio(AudioBackboneConfig.yamnet(0)), nnx.Param))]
    # "3.7M weights", as its page says; the classifier has 1,024 x 521 and 521.
    assert (sum(sizes), sum(trunk)) == (3_729_481, 3_195_456)


def test_grid_of_a_patch_has_time_in_its_rows():
    patch = jax.ShapeDtypeStruct((2, 64, 96, 1), np.float32)
    network = abstract_audio(YAMNET)
    assert nnx.eval_shape(lambda net, x: net(x), network, patch).shape == (2, 3, 2, 1024)
    assert nnx.eval_shape(lambda net, x: net.embed(x), network, patch).shape == (2, network.features)


def test_a_layer_by_hand():
    layer = ConvNorm(1, 2, kernel_size=3, stride=2, relu6=True, rngs=nnx.Rngs(0))
    # One channel takes the middle of each window, the other what is below and to the right of it.
    layer.kernel = nnx.Param(jnp.zeros((3, 3, 1, 2)).at[0, 0, 0, 0].set(1.0).at[2, 2, 0, 1].set(1.0))
    layer.norm.mean = nnx.BatchStat(jnp.array([1.0, 0.0]))
    layer.norm.var = nnx.BatchStat(jnp.array([4.0 - 1e-4, 1.0 - 1e-4]))
    layer.norm.bias = nnx.Param(jnp.array([0.5, 0.0]))
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    y = layer(x)
    # Nothing is added above or on the left, so that windows begin at 0, 2, 8 and 10: (x - 1) / 2 + .5, from 0 to 6.
    np.testing.assert_allclose(y[0, :, :, 0], [[0.0, 1.0], [4.0, 5.0]], atol=1e-5)
    # Two rows and columns on: 10, then beyond the right and lower edge.
    np.testing.assert_allclose(y[0, :, :, 1], [[6.0, 0.0], [0.0, 0.0]], atol=1e-5)


def test_a_layer_can_be_trained_on():
    layer = ConvNorm(4, 4, kernel_size=3, stride=2, depthwise=True, rngs=nnx.Rngs(0))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 8, 6, 4)), jnp.float32)
    before = jax.tree.map(np.array, nnx.state(layer, nnx.BatchStat))
    gradients = nnx.jit(nnx.grad(lambda net, x: jnp.square(net(x)).mean()))(layer, x)
    assert all(jnp.isfinite(leaf).all() and jnp.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradients))
    jax.tree.map(np.testing.assert_array_equal, nnx.state(layer, nnx.BatchStat), before)
    layer.train()
    nnx.jit(lambda net, x: net(x))(layer, x)
    statistics = jax.tree.leaves(nnx.state(layer, nnx.BatchStat))
    assert all((new != old).any() for new, old in zip(statistics, jax.tree.leaves(before), strict=True))


def test_every_name_has_a_network_and_a_preset():
    assert set(AUDIO_NETWORKS) == set(AUDIO_BACKBONES)
    for name in AUDIO_BACKBONES:
        config = AudioBackboneConfig.preset(name)
        assert config.network == name and type(abstract_audio(config)).__name__ == AUDIO_NETWORKS[name][1]


def test_without_a_classifier_nothing_is_classified():
    network = abstract_audio(AudioBackboneConfig.yamnet(0))
    with pytest.raises(ConfigError, match="classes: cannot be scored: this backbone has no classifier"):
        network.classify(jnp.zeros((1, 1024)))
