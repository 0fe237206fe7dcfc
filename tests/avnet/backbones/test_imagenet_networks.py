from functools import cache
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from random_networks import randomize

from avnet.backbones.config import BackboneConfig, ImagenetName
from avnet.backbones.image import inverted_residual
from avnet.backbones.image.efficientnet import STYLE as SAME
from avnet.backbones.image.imagenet import from_state_dict
from avnet.backbones.image.inverted_residual import Convolution, Stage, Trunk
from avnet.backbones.image.mobilenet import STYLE as SYMMETRIC
from avnet.backbones.network import abstract
from avnet.errors import ConfigError, ModelFolderError
from train.convert.imagenet import installed_weights
from train.convert.torch_file import read_state_dict

EACH = pytest.mark.parametrize("name", get_args(ImagenetName))
# Both kernels meet even and odd sizes with a stride of 2: 33 -> 17 -> 9 -> 5 -> 3 by 46 -> 23 -> 12 -> 6 -> 3.
SIZE = (33, 46)
PARAMETERS = {"mobilenetv2": 2_223_872, "efficientnet-lite0": 3_371_008}


@cache
def random_pair(name):
    """A PyTorch twin whose every array is random, and the network that its state dict becomes."""
    need("torch")
    from judges.torch_backbones import arrays_of, random_twin

    twin = random_twin(name)
    return twin, from_state_dict(BackboneConfig.preset(name), arrays_of(twin))


def random_images(count, height, width):
    return np.random.default_rng(1).uniform(size=(count, height, width, 3)).astype(np.float32)


@nnx.jit
def layers_of(network, images):
    return network.layers(images)


def assert_layers_agree(network, twin, images, tolerance=1e-4):
    """Largest difference at most 1e-4 of the largest value, in every layer."""
    from judges.torch_backbones import twin_layers

    ours = layers_of(network, images)
    for layer, expected in zip(ours, twin_layers(twin, images), strict=True):
        assert layer.shape == expected.shape
        assert np.abs(layer - expected).max() <= tolerance * np.abs(expected).max()


@EACH
def test_every_layer_agrees_with_torch(name):
    twin, network = random_pair(name)
    assert_layers_agree(network, twin, random_images(2, *SIZE))


def arrays(twin):
    from judges.torch_backbones import arrays_of

    return arrays_of(twin)


def real_twin(name):
    """The twin with the weights of an installed package, and their state dict."""
    torch = need("torch")
    from judges.torch_backbones import TWINS

    try:
        state = read_state_dict(installed_weights(name))
    except ConfigError as error:
        pytest.skip(str(error))
    twin = TWINS[name]().eval()
    twin.load_state_dict({key: torch.as_tensor(value) for key, value in state.items()})
    return twin, state


@EACH
def test_every_layer_agrees_with_torch_on_the_real_weights(name):
    twin, state = real_twin(name)
    assert_layers_agree(from_state_dict(BackboneConfig.preset(name), state), twin, random_images(2, *SIZE))


def assert_classifier_agrees(name, twin, images):
    from judges.torch_backbones import arrays_of, twin_logits

    # Features of the network without its classifier are the same, and compiled already.
    grids = layers_of(from_state_dict(BackboneConfig.preset(name), arrays_of(twin)), images)[-1]
    network = from_state_dict(BackboneConfig(name, 224, classes=1000), arrays_of(twin))
    cells, expected = network.classify(grids), twin_logits(twin, images)
    assert cells.shape == (*grids.shape[:3], 1000)
    assert np.abs(cells.mean((1, 2)) - expected).max() <= 1e-4 * np.abs(expected).max()


@EACH
def test_mean_over_the_cells_is_what_the_whole_classifier_answers(name):
    assert_classifier_agrees(name, random_pair(name)[0], random_images(2, *SIZE))


@EACH
def test_classifier_agrees_with_torch_on_the_real_weights(name):
    assert_classifier_agrees(name, real_twin(name)[0], random_images(2, *SIZE))


def test_a_classifier_that_is_missing_or_was_not_kept_is_refused():
    twin, network = random_pair("mobilenetv2")
    with pytest.raises(ConfigError, match="classes: cannot be scored: this backbone has no classifier"):
        network.classify(jnp.zeros((1, 1280)))
    state = arrays(twin)
    del state["classifier.1.bias"]
    with pytest.raises(ModelFolderError, match=r"lacks 1 of 262 arrays, first 'classifier\.1\.bias'"):
        from_state_dict(BackboneConfig("mobilenetv2", 224, classes=1000), state)


@EACH
def test_number_of_parameters_is_that_of_the_paper(name):
    network = abstract(BackboneConfig.preset(name))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param))) == PARAMETERS[name]


@EACH
@pytest.mark.parametrize("size", [(33, 65), (224, 224)])
def test_grid_has_a_cell_for_every_32_pixels_begun(name, size):
    shape = jax.eval_shape(lambda x: abstract_call(name, x), jnp.zeros((2, *size, 3))).shape
    assert shape == (2, -(-size[0] // 32), -(-size[1] // 32), 1280)


def abstract_call(name, x):
    graph, state = nnx.split(abstract(BackboneConfig.preset(name)))
    return nnx.merge(graph, jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), state))(x)


def test_padding_is_worked_out_by_hand():
    # 224 -> 112 by 3: the last window ends one beyond. 56 -> 28 by 5: three beyond, one above. 7 -> 4 by 3: one each.
    assert SAME.sides(224, 7, 3, 2) == ((0, 1), (1, 1))
    assert SAME.sides(56, 28, 5, 2) == ((1, 2), (1, 2))
    assert SAME.sides(14, 14, 5, 1) == ((2, 2), (2, 2))
    assert SYMMETRIC.sides(224, 7, 3, 2) == ((1, 1), (1, 1))


@pytest.mark.parametrize("style", [SAME, SYMMETRIC])
@pytest.mark.parametrize(("kernel_size", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_convolution_of_each_channel_is_the_grouped_one(style, kernel_size, stride):
    x = jnp.asarray(random_images(2, 11, 14))
    layer = Convolution(3, 3, kernel_size, stride, style, depthwise=True, rngs=nnx.Rngs(0))

    @nnx.jit
    def both(layer, x):
        sides, order = style.sides(11, 14, kernel_size, stride), ("NHWC", "HWIO", "NHWC")
        options = {"dimension_numbers": order, "feature_group_count": 3}
        grouped = jax.lax.conv_general_dilated(x, layer.kernel[...], (stride, stride), sides, **options)
        return layer(x), grouped

    np.testing.assert_allclose(*both(layer, x), atol=1e-5)


@EACH
def test_images_that_go_through_the_first_blocks_one_by_one_have_the_same_grids(name, monkeypatch):
    graph, state = nnx.split(randomize(abstract(BackboneConfig.preset(name))))
    images = random_images(4, *SIZE)
    # Each with a function of its own, since what was compiled before is found again.
    whole = jax.jit(lambda state, x: nnx.merge(graph, state)(x))(state, images)
    monkeypatch.setattr(inverted_residual, "PIXELS", 2 * SIZE[0] * SIZE[1])
    text = jax.jit(lambda state, x: nnx.merge(graph, state)(x)).lower(state, images)
    assert "while" in text.as_text()
    parts = text.compile()(state, images)
    assert np.abs(parts - whole).max() <= 1e-5 * np.abs(whole).max()


def test_network_can_be_trained_on():
    network = Trunk((Stage(3, 1, 1, 8, 1), Stage(5, 2, 2, 8, 2)), SAME, rngs=nnx.Rngs(0))
    before = jax.tree.map(np.array, nnx.state(network, nnx.BatchStat))
    gradients = nnx.jit(nnx.grad(lambda net, x: jnp.square(net(x)).mean()))(network, random_images(2, 32, 32))
    assert all(jnp.isfinite(leaf).all() and jnp.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradients))
    jax.tree.map(np.testing.assert_array_equal, nnx.state(network, nnx.BatchStat), before)
    network.train()
    nnx.jit(lambda net, x: net(x))(network, random_images(2, 32, 32))
    statistics = jax.tree.leaves(nnx.state(network, nnx.BatchStat))
    assert all((new != old).any() for new, old in zip(statistics, jax.tree.leaves(before), strict=True))


@EACH
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda state, name: state.pop(name), "lacks 1 of 260 arrays|lacks 1 of 245 arrays"),
        (lambda state, name: state.update(more=np.zeros(2, np.float32)), "holds 1 arrays too many, first 'more'"),
        (lambda state, name: state.update({name: np.zeros((3, 3, 3, 32), np.float32)}), r"not float32\(32, 3, 3, 3"),
        (lambda state, name: state.update({name: state[name].astype(np.float64)}), "is float64"),
        (lambda state, name: state.update({name: np.full_like(state[name], np.nan)}), "not finite"),
    ],
)
def test_state_dict_that_does_not_fit_is_refused_in_one_line(name, change, reason):
    twin, _ = random_pair(name)
    state = {key: value.numpy() for key, value in twin.state_dict().items()}
    change(state, "features.0.0.weight" if name == "mobilenetv2" else "_conv_stem.weight")
    with pytest.raises(ModelFolderError, match=reason) as refusal:
        from_state_dict(BackboneConfig.preset(name), state, "file.pth")
    assert refusal.value.subject == "file.pth" and "\n" not in str(refusal.value)


def test_state_dict_of_the_other_network_is_refused():
    twin, _ = random_pair("mobilenetv2")
    with pytest.raises(ModelFolderError, match="first '_blocks"):
        from_state_dict(BackboneConfig.efficientnet_lite0(), arrays(twin))


@EACH
def test_classifier_and_counters_are_passed_over(name):
    twin, network = random_pair(name)
    kept = {
        key: value.numpy()
        for key, value in twin.state_dict().items()
        if "num_batches" not in key and not key.startswith(("classifier", "_fc"))
    }
    assert len(kept) < len(twin.state_dict())
    again = from_state_dict(BackboneConfig.preset(name), kept)
    jax.tree.map(np.testing.assert_array_equal, nnx.state(again), nnx.state(network))
