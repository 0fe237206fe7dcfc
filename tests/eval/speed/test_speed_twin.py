import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from extras import need
from flax import nnx
from random_networks import random_network

from avnet.audio.spectrogram import log_spectrogram
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.state_dict import to_state_dict
from avnet.nn.torch_layout import torch_layout
from data.records.augment import AugmentConfig, augment_images
from train.correspondence.config import TrainConfig
from train.correspondence.objective import loss_of, optimizer_of

torch = need("torch")
from eval.speed.workers import twin  # noqa: E402  (after the skip)

SMALL = dataclasses.replace(ModelConfig.small("ave"), widths=(4, 6, 8, 10), embedding_size=8, image_size=48)
STILL = AugmentConfig(min_scale=1.0, brightness=0.0, saturation=0.0, gain_db=0.0)


def pair():
    """A network whose every array is random, and the twin of the speed program with the same weights."""
    network = random_network(SMALL)
    other: Any = twin.build_twin(SMALL)
    other.load_state_dict({name: torch.as_tensor(array) for name, array in to_state_dict(network).items()})
    return network, other


def batch(count=4):
    random = np.random.default_rng(1)
    front = SMALL.spectrogram
    images = random.uniform(size=(count, SMALL.image_size, SMALL.image_size, 3))
    sounds = random.normal(-3.0, 2.0, (count, front.bins, front.frames(SMALL.clip_samples), 1))
    return images, sounds, np.arange(count) % 2


def channels_first(x):
    return torch.as_tensor(x).permute(0, 3, 1, 2)


def test_the_twin_has_the_same_loss_and_the_same_gradient_of_every_parameter():
    network, other = pair()
    network.train()
    images, sounds, labels = batch()
    other.double().train().to(memory_format=torch.channels_last)
    logits = other(channels_first(images), channels_first(sounds))
    loss = torch.nn.functional.cross_entropy(logits, torch.as_tensor(labels))
    loss.backward()

    def loss_fn(net):
        encoded = net.encode_images(jnp.asarray(images)), net.encode_sounds(jnp.asarray(sounds))
        return loss_of(net, *encoded, {"label": jnp.asarray(labels)}, contrastive=False)[0]

    # In float32 two cells of a maximum can change places by rounding, and the gradient goes elsewhere.
    with jax.enable_x64(True):
        network, images, sounds = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), (network, images, sounds))
        value, gradients = nnx.jit(nnx.value_and_grad(loss_fn))(network)
    assert float(value) == pytest.approx(loss.item(), rel=1e-9)
    flat = {".".join(map(str, key)): np.array(leaf[...]) for key, leaf in nnx.to_flat_state(gradients)}
    ours = {_torch_name(name): torch_layout(gradient) for name, gradient in flat.items()}
    theirs = {name: parameter.grad.numpy() for name, parameter in other.named_parameters()}
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        np.testing.assert_allclose(ours[name], expected, rtol=1e-7, atol=1e-9, err_msg=name)


def _torch_name(name):
    return name.replace("kernel", "weight").replace("norm.scale", "norm.weight")


def test_the_twins_optimizer_changes_weights_as_ours_does():
    config = TrainConfig("ave", Path("records"), Path("run"), schedule="paper", learning_rate=1e-2, weight_decay=0.3)
    ours = optimizer_of(config, steps_per_epoch=100)
    start = np.array([0.5, -2.0, 1.0], np.float32)
    weights = torch.nn.Parameter(torch.tensor(start))
    holder = torch.nn.ParameterList([weights])
    theirs = twin.make_optimizer(holder, 1e-2, 0.3)
    params, state = jnp.asarray(start), ours.init(jnp.asarray(start))
    for gradient in ([0.1, 1.0, -3.0], [0.2, -1.0, 0.0], [0.0, 5.0, 1.0]):
        updates, state = ours.update(jnp.asarray(gradient), state, params)
        params = optax.apply_updates(params, updates)
        weights.grad = torch.tensor(gradient)
        theirs.step()
    assert np.abs(np.asarray(params) - start).min() > 0.005
    np.testing.assert_allclose(np.asarray(params), weights.detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize("preset", ["paper", "small"])
def test_the_twins_spectrogram_is_ours(preset):
    config = ModelConfig.preset("ave", preset)
    waveforms = np.random.default_rng(0).normal(0, 0.2, (2, config.clip_samples)).astype(np.float32)
    ours = np.asarray(log_spectrogram(waveforms, config.spectrogram))
    theirs = twin.spectrograms_of(torch.as_tensor(waveforms), config.spectrogram)
    np.testing.assert_allclose(theirs.permute(0, 2, 3, 1).numpy(), ours, atol=2e-3)


def test_the_twin_crops_the_whole_image_as_we_do_and_flips_half_of_them():
    images = np.random.default_rng(0).integers(0, 256, (40, 24, 24, 3), np.uint8)
    ours = np.asarray(augment_images(jax.random.key(0), jnp.asarray(images), 16, STILL))
    theirs = twin.augment_images(torch.as_tensor(images), 16, STILL).permute(0, 2, 3, 1).numpy()
    either = np.stack([ours, ours[:, :, ::-1]])
    off = np.abs(either - theirs).max(axis=(2, 3, 4))
    assert off.min(axis=0).max() < 1e-5
    asymmetric = np.abs(theirs - theirs[:, :, ::-1]).max() > 0.1
    assert asymmetric and 0 < (off.argmin(axis=0) == 0).sum() < 40


def test_the_twin_draws_crops_colours_and_levels_as_widely_as_we_do():
    torch.manual_seed(0)
    grey = torch.full((500, 16, 16, 3), 100, dtype=torch.uint8)
    bright = twin.augment_images(grey, 8, AugmentConfig.paper())[:, 0, 0, 0] * 255 / 100
    assert 0.80 <= bright.min() < 0.82 and 1.18 < bright.max() <= 1.2
    levels = twin.augment_waveforms(torch.full((500, 1), 3277, dtype=torch.int16), AugmentConfig.paper())[:, 0]
    decibels = 20 * torch.log10(levels / 0.1)
    assert -6.01 <= decibels.min() < -5.8 and 5.8 < decibels.max() <= 6.01


def test_folding_normalisation_and_laying_channels_last_change_no_answer():
    _, other = pair()
    images, sounds, _ = batch(2)
    images, sounds = (channels_first(x).float() for x in (images, sounds))
    other.eval()
    with torch.inference_mode():
        expected = other(images, sounds).numpy()
        inference_twin = twin.fold_normalisation(other.to(memory_format=torch.channels_last))
        np.testing.assert_allclose(inference_twin(images, sounds).numpy(), expected, atol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in inference_twin.modules())
