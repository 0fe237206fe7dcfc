"""Laws of the flow: back and forth, density, precision, sizes; and its twin in PyTorch."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from precision_law import assert_precisions_agree
from random_networks import random_waveglow

from avnet.errors import ConfigError
from avnet.files.weights import arrays_of
from avnet.nn.abstract import abstract_network
from avnet.synthesizers.waveglow.config import WaveGlowConfig
from avnet.synthesizers.waveglow.invertible import InvertibleLinear
from avnet.synthesizers.waveglow.network import WaveGlowNetwork
from avnet.synthesizers.waveglow.upsampling import interpolate

# Published form, small: early outputs, learned upsampling longer than a frame; and ours.
PUBLISHED = WaveGlowConfig(8, 3, 1, 2, width=6, layers=2, upsampling_kernel=400)
SMALL = WaveGlowConfig(16, 2, 1, 4, width=6, layers=2, upsampling_kernel=0, log_scale_bound=1.5)
FORMS = {"published": PUBLISHED, "small": SMALL}


def example(frames=4, batch=2):
    rng = np.random.default_rng(0)
    waveform = rng.normal(0, 0.3, (batch, 160 * frames)).astype(np.float32)
    return jnp.asarray(waveform), jnp.asarray(rng.normal(-4, 2, (batch, frames, 80)).astype(np.float32))


@pytest.fixture(scope="module", params=FORMS)
def network(request) -> WaveGlowNetwork:
    return random_waveglow(FORMS[request.param])


forward = nnx.jit(lambda network, waveform, log_mel: network.forward(waveform, log_mel))
inverse = nnx.jit(lambda network, z, log_mel, mask: network.inverse(z, log_mel, mask))


def test_the_way_back_leads_to_where_the_way_out_began(network):
    """And frames that do not exist, with any noise, change nothing."""
    waveform, log_mel = example()
    z, _ = forward(network, waveform, log_mel)
    assert z.shape == (2, 640 // network.config.group, network.config.group)
    assert np.abs(np.asarray(z).ravel() - np.asarray(waveform).ravel()).max() > 0.1
    more = network.config.groups_per_frame
    noise = jnp.asarray(np.pad(z, ((0, 0), (0, 2 * more), (0, 0)), constant_values=7.0))
    padded = np.pad(log_mel, ((0, 0), (0, 2), (0, 0)), mode="edge")
    mask = jnp.asarray(np.arange(6)[None].repeat(2, 0) < 4)
    again = np.asarray(inverse(network, noise, jnp.asarray(padded), mask))[:, :640]
    np.testing.assert_allclose(again, waveform, rtol=0, atol=1e-4)
    # The spectrum matters.
    other = np.asarray(inverse(network, noise, jnp.asarray(padded + np.float32(1)), mask))[:, :640]
    assert np.abs(other - again).max() > 1e-2


def test_the_density_is_that_of_the_derivative():
    """Two groups of 80 samples: the whole derivative is a matrix of 160 by 160."""
    network = random_waveglow(WaveGlowConfig(80, 2, 1, 2, width=6, layers=1, upsampling_kernel=0))
    waveform, log_mel = example(frames=1, batch=1)

    def noise_of(samples):
        z, log_det = network.forward(samples[None], log_mel)
        return z.ravel(), log_det

    jacobian, log_det = jax.jit(jax.jacfwd(noise_of, has_aux=True))(waveform[0])
    assert float(log_det[0]) == pytest.approx(np.linalg.slogdet(np.asarray(jacobian, np.float64))[1], abs=1e-2)
    assert abs(float(log_det[0])) > 1


def test_a_matrix_begins_as_a_rotation():
    """Half of those that are drawn are mirrored."""
    begin = jax.jit(lambda key: InvertibleLinear(2, rngs=nnx.Rngs(params=key)).kernel[...])
    kernels = np.asarray(jax.vmap(begin)(jax.random.split(jax.random.key(0), 8)))
    assert np.linalg.det(kernels) == pytest.approx(np.ones(8), abs=1e-5)
    assert kernels @ kernels.swapaxes(1, 2) == pytest.approx(np.broadcast_to(np.eye(2), (8, 2, 2)), abs=1e-5)


def test_the_density_of_a_mirror_is_finite():
    mixer = abstract_network(lambda rngs: InvertibleLinear(2, rngs=rngs))
    mixer.kernel = nnx.Param(jnp.array([[0.0, 3.0], [2.0, 0.0]]))  # its determinant is -6
    assert float(mixer.log_det()) == pytest.approx(np.log(6))
    x = jnp.array([[[1.0, 2.0]]])
    assert mixer.forward(x).tolist() == [[[4.0, 3.0]]]
    assert np.asarray(mixer.inverse(mixer.forward(x))) == pytest.approx(np.asarray(x))


def test_spectra_lie_on_lines_between_the_middles_of_frames():
    mel = jnp.array([[[0.0], [4.0]]])
    assert interpolate(mel, 4)[0, :, 0].tolist() == pytest.approx([0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4])
    assert interpolate(mel, 1).tolist() == mel.tolist()


def test_scales_stay_within_their_bound():
    network = random_waveglow(SMALL)
    coupling = network.couplings[0]
    coupling.end.kernel[...] = coupling.end.kernel[...] * 1e3
    _, log_scale = nnx.jit(type(coupling).__call__)(coupling, jnp.ones((1, 4, 8)), jnp.ones((1, 4, 80)))
    assert np.abs(log_scale).max() == pytest.approx(1.5)


def test_flow_and_gradients_are_those_of_the_twin_in_torch():
    torch = need("torch")
    from judges import torch_waveglow

    network, (waveform, log_mel) = random_waveglow(PUBLISHED), example()
    twin = torch_waveglow.twin_of(PUBLISHED, arrays_of(network))
    graph, params, rest = nnx.split(network, nnx.Param, ...)

    @jax.jit
    def ours(params):
        def loss(params):
            z, log_det = nnx.merge(graph, params, rest).forward(waveform, log_mel)
            return jnp.square(z).mean() - log_det.mean() / 640, (z, log_det)

        return jax.value_and_grad(loss, has_aux=True)(params)

    (value, (z, log_det)), gradient = ours(params)
    mel = torch.tensor(np.asarray(network.standard(log_mel))).transpose(1, 2)
    their_z, their_log_det = twin(torch.tensor(np.asarray(waveform)), mel)
    loss = their_z.square().mean() - their_log_det.mean() / 640
    loss.backward()
    np.testing.assert_allclose(z, their_z.transpose(1, 2).detach().numpy(), rtol=0, atol=1e-4)
    np.testing.assert_allclose(log_det, their_log_det.detach().numpy(), rtol=1e-4)
    assert float(value) == pytest.approx(loss.item(), abs=1e-4)
    gradients = {".".join(map(str, key)): np.asarray(leaf[...]) for key, leaf in nnx.to_flat_state(gradient)}
    compared = list(torch_waveglow.parameters_of(twin))
    assert {name for name, *_ in compared} == gradients.keys()
    for name, value, layout in compared:
        assert value.grad is not None
        np.testing.assert_allclose(layout(gradients[name]), value.grad.numpy(), rtol=0, atol=1e-4, err_msg=name)
        assert np.abs(gradients[name]).max() > 1e-4, name


@pytest.mark.slow
def test_precision_and_making_features_again_change_little():
    network, (waveform, log_mel) = random_waveglow(SMALL), example()
    graph, params, rest = nnx.split(network, nnx.Param, ...)

    def loss(params, dtype, remat):
        network = nnx.merge(graph, params, rest, copy=True)
        network.compute(dtype, remat=remat)
        z, log_det = network.forward(waveform, log_mel)
        assert z.dtype == log_det.dtype == jnp.float32
        return jnp.square(z).mean() - log_det.mean() / 640

    assert_precisions_agree(loss, params, half=0.05)


@pytest.mark.parametrize(
    ("config", "count"), [(WaveGlowConfig.published(), 87_879_272), (WaveGlowConfig.small(), 1_559_272)]
)
def test_sizes_are_the_published_ones(config, count):
    network = abstract_network(lambda rngs: WaveGlowNetwork(config, rngs=rngs))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param))) == count
    assert WaveGlowConfig.from_dict(config.to_dict()) == config


WRONG: list[dict[str, Any]] = [
    {"group": 7},
    {"group": 12},
    {"group": 0},
    {"steps": 0},
    {"steps": 17},
    {"early_size": 3},
    {"early_size": -2},
    {"layers": 13},
    {"width": 5000},
    {"upsampling_kernel": 100},
    {"log_scale_bound": -1.0},
    {"log_scale_bound": float("nan")},
]


@pytest.mark.parametrize("change", WRONG)
def test_configurations_that_cannot_be_are_refused(change):
    with pytest.raises(ConfigError, match="must"):
        WaveGlowConfig(**change)
