from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from random_networks import random_network

from avnet.audio.config import SpectrogramConfig
from avnet.backbones.video import max_pool3d
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.network import build
from avnet.nn.convolution import convolve3d

torch = need("torch")
from judges.torch_twin import torch_layout, torch_name, twin_of  # noqa: E402  (after the skip)

FRONT = SpectrogramConfig(sample_rate=8_000, win_length=256, hop_length=128, n_fft=256, n_mels=16, f_max=4_000.0)
TINY = ModelConfig(image_size=32, widths=(4, 5, 6, 7), embedding_size=8, spectrogram=FRONT)


def towers(options):
    """A tower whose every array is random, and its twin."""
    network = random_network(replace(TINY, **options))
    arrays = {".".join(map(str, key)): np.array(leaf[...]) for key, leaf in nnx.to_flat_state(nnx.state(network))}
    sizes = network.config
    twin = twin_of("ave", arrays, sizes.widths, sizes.embedding_size, sizes.frames, sizes.flow_fields)
    return network.vision, twin.vision


def random_moments(options, count=2, height=18, width=35):
    channels = replace(TINY, **options).moment.channels
    return np.random.default_rng(1).uniform(size=(count, height, width, channels)).astype(np.float32)


def channels_first(x):
    return torch.as_tensor(x).permute(0, 3, 1, 2)


@pytest.mark.parametrize("options", [{"frames": 33}, {"flow_fields": 3}], ids=str)
def test_grids_agree_with_pytorch(options):
    tower, twin = towers(options)
    tower.eval()
    moments = random_moments(options, height=34, width=49)
    theirs = twin.eval()(channels_first(moments)).detach().permute(0, 2, 3, 1).numpy()
    ours = nnx.jit(lambda tower, x: tower(x))(tower, moments)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


def test_gradients_of_a_stage_in_time_agree_with_pytorch_in_training():
    # Those of a whole tower compile for half a minute in float64.
    tower, twin = towers({"frames": 15})
    blocks, theirs = nnx.List(tower.blocks[:2]), torch.nn.Sequential(*twin.blocks[:2]).train().double()
    x = np.random.default_rng(1).uniform(size=(2, 7, 10, 13, 3))
    grid = torch.nn.functional.max_pool3d(theirs(torch.as_tensor(x).permute(0, 4, 1, 2, 3)), 2).permute(0, 2, 3, 4, 1)
    weights = np.random.default_rng(3).normal(size=grid.shape)
    (grid * torch.as_tensor(weights)).sum().backward()

    def loss(blocks):
        first, second = blocks
        return jnp.sum(max_pool3d(second(first(jnp.asarray(x)))) * weights)

    # In float32 two cells of a maximum can change places by rounding, and the gradient goes elsewhere.
    with jax.enable_x64(True):
        blocks = jax.tree.map(lambda array: jnp.asarray(array, jnp.float64), blocks)
        value, gradients = nnx.jit(nnx.value_and_grad(loss))(blocks)
        ours = {".".join(map(str, key)): np.array(leaf[...]) for key, leaf in nnx.to_flat_state(gradients)}
    np.testing.assert_allclose(value, (grid.detach().numpy() * weights).sum(), rtol=1e-8)
    expected = {name: parameter.grad.numpy() for name, parameter in theirs.named_parameters()}
    assert {torch_name(name) for name in ours} == expected.keys()
    for name, gradient in ours.items():
        np.testing.assert_allclose(torch_layout(gradient), expected[torch_name(name)], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("time", "stride"), [(5, 1), (5, 2), (6, 2), (2, 1), (1, 2)])
def test_convolution_in_time_is_that_of_xla(time, stride):
    random = np.random.default_rng(0)
    inputs = jnp.asarray(random.normal(size=(2, time, 6, 7, 3)), jnp.float32)
    kernel = jnp.asarray(random.normal(size=(3, 3, 3, 3, 4)), jnp.float32)
    strides, numbers = (stride,) * 3, ("NDHWC", "DHWIO", "NDHWC")
    expected = jax.lax.conv_general_dilated(inputs, kernel, strides, "SAME", dimension_numbers=numbers)
    actual = convolve3d(inputs, kernel, strides, "SAME", dimension_numbers=numbers)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_published_sizes_give_the_grid_of_the_image_tower():
    for config, channels in (
        (ModelConfig.ave_net_frames(), 75),
        (ModelConfig.ave_net_flow(), 23),
    ):
        assert config.moment.channels == channels
        network = nnx.eval_shape(lambda config=config: build(config, rngs=nnx.Rngs(0)))
        images, sounds = jnp.zeros((1, 224, 224, channels)), jnp.zeros((1, 257, 199, 1))
        vision, answer = nnx.eval_shape(lambda net, i=images, s=sounds: (net.vision(i), net(i, s)), network)
        assert vision.shape == (1, 14, 14, 512) and answer.shape == (1, 2)
