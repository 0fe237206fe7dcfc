import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from random_networks import random_network

from avnet.backbones.tower import max_pool
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.kinds import NETWORKS

torch = need("torch")
from judges import torch_twin  # noqa: E402  (after the skip)
from judges.torch_twin import torch_layout, torch_name, twin_of  # noqa: E402  (after the skip)

EACH = pytest.mark.parametrize("name", NETWORKS)
SIDES = pytest.mark.parametrize("side", ["vision", "audio"])


def flat(state):
    """Arrays by dotted name."""
    return {".".join(map(str, key)): np.array(leaf[...]) for key, leaf in nnx.to_flat_state(state)}


def pair(config):
    """A network whose every array is random, and its twin."""
    network = random_network(config)
    return network, twin_of(config.network, flat(nnx.state(network)), config.widths, config.embedding_size)


def batch(config, count):
    random = np.random.default_rng(1)
    front = config.spectrogram
    images = random.uniform(size=(count, config.image_size, config.image_size, 3))
    sounds = random.normal(-3.0, 2.0, (count, front.bins, front.frames(config.clip_samples), 1))
    return images.astype(np.float32), sounds.astype(np.float32)


def channels_first(x):
    return torch.as_tensor(x).permute(0, 3, 1, 2)


def channels_last(x):
    return x.detach().permute(0, 2, 3, 1).numpy()


def assert_close(actual, expected, tolerance=1e-4):
    """Largest difference at most 1e-4 of the largest value."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    assert np.isfinite(actual).all()
    assert np.abs(actual - expected).max() <= tolerance * max(np.abs(expected).max(), 1e-3)


def set_mode(network, twin, mode):
    getattr(network, mode)()
    getattr(twin, mode)()


@nnx.jit
def tower_layers(tower, x):
    outputs = []
    for i, block in enumerate(tower.blocks):
        x = block(x)
        outputs.append(x)
        if i in (1, 3, 5):
            x = max_pool(x)
    return outputs


@nnx.jit
def call(network, images, sounds):
    return network(images, sounds)


@SIDES
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_every_layer_of_a_tower_agrees(side, mode):
    config = ModelConfig.small("ave")
    network, twin = pair(config)
    set_mode(network, twin, mode)
    x = dict(zip(["vision", "audio"], batch(config, 3), strict=True))[side]
    ours = tower_layers(getattr(network, side), x)
    theirs = torch_twin.tower_layers(getattr(twin, side), channels_first(x))
    assert len(ours) == len(theirs) == 8
    for our, their in zip(ours, theirs, strict=True):
        assert_close(our, channels_last(their))


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 16), (33, 50), (31, 95)])
def test_padding_agrees_at_even_and_odd_sizes(height, width):
    network, twin = pair(ModelConfig.small("ave"))
    set_mode(network, twin, "eval")
    x = np.random.default_rng(2).normal(size=(2, height, width, 1)).astype(np.float32)
    assert_close(nnx.jit(lambda tower, x: tower(x))(network.audio, x), channels_last(twin.audio(channels_first(x))))


@EACH
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_answers_of_the_small_preset_agree(name, mode):
    config = ModelConfig.small(name)
    network, twin = pair(config)
    set_mode(network, twin, mode)
    images, sounds = batch(config, 3)
    theirs = twin(channels_first(images), channels_first(sounds)).detach().numpy()
    assert_close(call(network, images, sounds), theirs)


@EACH
def test_answers_of_the_paper_preset_agree(name):
    config = ModelConfig.preset(name, "paper")
    network, twin = pair(config)
    set_mode(network, twin, "eval")
    images, sounds = batch(config, 2)
    with torch.no_grad():
        theirs = twin(channels_first(images), channels_first(sounds)).numpy()
    assert_close(call(network, images, sounds), theirs)


def test_running_statistics_agree():
    config = ModelConfig.small("l3")
    network, twin = pair(config)
    set_mode(network, twin, "train")
    before = flat(nnx.state(network, nnx.BatchStat))
    images, sounds = batch(config, 3)
    call(network, images, sounds)
    elements = {}
    for side, x in (("vision", images), ("audio", sounds)):
        for i, layer in enumerate(torch_twin.tower_layers(getattr(twin, side), channels_first(x))):
            elements[f"{side}.blocks.{i}"] = layer.numel() // layer.shape[1]
    theirs = dict(twin.named_buffers())
    for name, ours in flat(nnx.state(network, nnx.BatchStat)).items():
        expected = theirs[torch_name(name)].numpy()
        if name.endswith("var"):
            # flax keeps the batch's own variance, torch that of the population: n / (n - 1) times as much.
            n = elements[name.removesuffix(".norm.var")]
            expected = 0.9 * before[name] + (expected - 0.9 * before[name]) * (n - 1) / n
        assert np.abs(ours - before[name]).max() > 0
        assert_close(ours, expected)


@EACH
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_gradients_of_every_parameter_agree(name, mode):
    config = ModelConfig.small(name)
    network, twin = pair(config)
    set_mode(network, twin, mode)
    images, sounds = batch(config, 3)
    answer = twin.double()(channels_first(images).double(), channels_first(sounds).double())
    weights = np.random.default_rng(3).normal(size=answer.shape)
    (answer * torch.as_tensor(weights)).sum().backward()

    # In float32 two cells of a maximum can change places by rounding, and the gradient goes elsewhere.
    with jax.enable_x64(True):
        network, images, sounds = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), (network, images, sounds))
        gradients = flat(nnx.jit(nnx.grad(lambda net: jnp.sum(net(images, sounds) * weights)))(network))
    theirs = {n: p.grad.numpy() for n, p in twin.named_parameters() if p.grad is not None}
    ours = {torch_name(n): torch_layout(gradient).numpy() for n, gradient in gradients.items()}
    assert ours.keys() == theirs.keys()
    for n, expected in theirs.items():
        np.testing.assert_allclose(ours[n], expected, rtol=1e-8, atol=1e-8)
