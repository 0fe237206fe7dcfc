import json
import shutil
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from media.forged import forge, forge_arrays, forge_config
from random_networks import random_backbone, randomize, small_config

from avnet.backbones.backbone import BATCH, Backbone
from avnet.backbones.config import BACKBONES, BackboneConfig
from avnet.backbones.image.inverted_residual import Stage, Trunk
from avnet.backbones.image.mobilenet import STYLE
from avnet.backbones.network import NETWORKS, abstract
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.image_tower import open_backbone
from avnet.correspondence.model import Model
from avnet.correspondence.network import build
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.artifact import HEADER, WEIGHTS
from avnet.media.image import center_squares

EACH = pytest.mark.parametrize("name", BACKBONES)


@pytest.fixture(scope="module")
def backbone():
    return random_backbone("mobilenetv2", 64)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, backbone):
    folder = tmp_path_factory.mktemp("whole") / "backbone"
    backbone.save(folder)
    return folder


@pytest.fixture
def on_disk(tmp_path, whole):
    """A backbone folder, to be damaged."""
    return shutil.copytree(whole, tmp_path / "backbone")


def random_images(count, height=64, width=64):
    return list(np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8))


@EACH
def test_saving_and_loading_is_the_identity(tmp_path, name):
    original = random_backbone(name)
    fingerprint = original.save(tmp_path / "backbone")
    copy = Backbone.load(tmp_path / "backbone")
    assert copy.config == original.config and copy.fingerprint == fingerprint == original.fingerprint
    jax.tree.map(np.testing.assert_array_equal, nnx.state(copy.network), nnx.state(original.network))
    assert copy.save(tmp_path / "again") == fingerprint
    assert sorted(p.name for p in (tmp_path / "backbone").iterdir()) == [HEADER, WEIGHTS]


def test_grids_are_those_of_the_network(backbone, on_disk):
    images = random_images(3)
    inputs = np.stack(images).astype(np.float32) / 255
    expected = np.asarray(nnx.jit(lambda net, x: net(x))(backbone.network, inputs))
    grids = backbone.grids(images)
    assert grids.shape == (3, 2, 2, 1280) and grids.dtype == np.float32
    np.testing.assert_allclose(grids, expected, atol=1e-4)
    np.testing.assert_array_equal(Backbone.load(on_disk).grids(images), grids)


def test_class_scores_are_those_of_the_classifier_in_each_cell(backbone):
    network = randomize(Trunk((Stage(3, 1, 1, 8, 1),), STYLE, 1000, rngs=nnx.Rngs(0)))
    with_classifier = Backbone(BackboneConfig("mobilenetv2", 64, classes=1000), network)
    images = random_images(2)
    scores, grids = with_classifier.class_scores(images), with_classifier.grids(images)
    assert scores.shape == (*grids.shape[:3], 1000) and scores.dtype == np.float32
    expected = np.asarray(network.classify(jnp.asarray(grids)))
    np.testing.assert_allclose(scores, expected, atol=1e-4 * np.abs(expected).max())
    with pytest.raises(ConfigError, match="classes: cannot be scored: this backbone has no classifier"):
        backbone.class_scores(images)


def test_a_classifier_is_saved_with_its_backbone(tmp_path):
    config = BackboneConfig("mobilenetv2", 64, classes=1000)
    original = Backbone(config, randomize(abstract(config)))
    fingerprint = original.save(tmp_path / "backbone")
    copy = Backbone.load(tmp_path / "backbone")
    assert (copy.config, copy.fingerprint) == (config, fingerprint)
    jax.tree.map(np.testing.assert_array_equal, nnx.state(copy.network), nnx.state(original.network))


def test_a_folder_from_before_classifiers_were_kept_is_read(on_disk, backbone):
    forge_config(on_disk, lambda config: config.pop("classes"))
    assert Backbone.load(on_disk).config == backbone.config


@pytest.mark.parametrize(("network", "classes"), [("mobilenetv2", 10), ("mobilenetv2", -1), ("tower", 1000)])
def test_other_numbers_of_classes_are_refused(network, classes):
    widths = (4, 4, 6, 8) if network == "tower" else ()
    with pytest.raises(ConfigError, match="classes: must be 0"):
        BackboneConfig(network, 64, widths, classes)


def test_two_images_have_two_grids(backbone):
    first, second = backbone.grids(random_images(2))
    assert np.abs(first - second).max() > 0.1


@pytest.mark.parametrize("count", [2, BATCH + 3])
def test_a_batch_gives_what_its_images_give_alone(backbone, count):
    images = random_images(count)
    alone = np.concatenate([backbone.grids([image]) for image in images])
    np.testing.assert_allclose(backbone.grids(images), alone, atol=1e-4)


def test_only_the_square_in_the_middle_is_seen_and_nothing_gives_nothing(backbone):
    (wide,) = random_images(1, 64, 128)
    np.testing.assert_array_equal(backbone.grids([wide]), backbone.grids([wide[:, 32:96]]))
    batch = [wide, *random_images(1, 100, 70)]
    np.testing.assert_allclose(backbone.grids(batch)[1:], backbone.grids(batch[1:]), atol=1e-4)
    assert backbone.grids([]).shape == (0, 2, 2, 1280)


def test_use_moves_no_statistics(backbone):
    before = jax.tree.map(np.array, nnx.state(backbone.network))
    backbone.grids(random_images(2))
    jax.tree.map(np.testing.assert_array_equal, nnx.state(backbone.network), before)


@pytest.mark.parametrize("size", [32, 48, 112])
def test_a_image_tower_of_a_trained_network_is_a_backbone(size, tmp_path):
    config = ModelConfig(image_size=size, widths=(4, 4, 6, 8))
    network = randomize(build(config, rngs=nnx.Rngs(0)))
    Model(network.config, network).save(tmp_path / "ave")
    tower = open_backbone(tmp_path / "ave")
    images = random_images(3)
    grids = tower.grids(images)
    assert grids.shape == (3, tower.cells, tower.cells, 8) and tower.features == 8 and tower.config.network == "tower"
    network.eval()
    expected = nnx.jit(lambda net, x: net(x))(network.vision, center_squares(images, size).astype(np.float32) / 255)
    np.testing.assert_allclose(grids, expected, atol=1e-4)
    fingerprint = tower.save(tmp_path / "tower")
    again = Backbone.load(tmp_path / "tower")
    assert again.fingerprint == fingerprint == tower.fingerprint and again.image_size == size
    np.testing.assert_array_equal(again.grids(images), grids)
    for widths in ([4, 4, 6], "4", [4, 4, 6, -8], [4, 4, 6, 1e9], None):
        forge_config(tmp_path / "tower", partial(dict.update, widths=widths))
        assert_refusal(tmp_path / "tower", "is not a backbone, or damaged")


def test_a_tower_for_too_small_images_is_refused_by_its_folder(tmp_path):
    network = randomize(build(ModelConfig(image_size=16, widths=(4, 4, 6, 8)), rngs=nnx.Rngs(0)))
    Model(network.config, network).save(tmp_path / "ave")
    with pytest.raises(ModelFolderError, match="has an image tower that cannot be used alone"):
        open_backbone(tmp_path / "ave")


@pytest.mark.parametrize("size", [0, 31, 5000])
def test_size_beyond_the_bounds_is_refused(size):
    with pytest.raises(ConfigError, match="image_size: must be a whole number from 32 to 4096 pixels"):
        BackboneConfig.mobilenetv2(size)


@EACH
@pytest.mark.parametrize("size", [32, 47, 224])
def test_a_network_keeps_its_promises_about_the_grid(name, size):
    config = small_config(name, size)
    network, images = abstract(config), jax.ShapeDtypeStruct((2, size, size, 3), np.float32)
    shape = nnx.eval_shape(lambda net, x: net(x), network, images).shape
    assert shape == (2, network.cells(size), network.cells(size), network.features)


def test_every_name_has_a_network_and_a_preset():
    assert set(NETWORKS) == set(BACKBONES)
    for name in BACKBONES:
        abstract_network = abstract(BackboneConfig.preset(name))
        assert type(abstract_network).__name__ == NETWORKS[name][1]
    with pytest.raises(ConfigError, match="widths: must be left out"):
        BackboneConfig("mobilenetv2", 224, (4, 4, 6, 8))


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.pop("network"),
        lambda config: config.update(network="vgg16"),
        lambda config: config.update(network=["mobilenetv2"]),
        lambda config: config.update(image_size="224"),
        lambda config: config.update(image_size=224.0),
        lambda config: config.update(image_size=True),
        lambda config: config.update(image_size=10**30),
        lambda config: config.pop("image_size"),
    ],
)
def test_a_foreign_configuration_is_refused(on_disk, change):
    forge_config(on_disk, change)
    assert_refusal(on_disk, "is not a backbone( or a model)?, or damaged")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda a: a.pop("stem.conv.kernel"), "lacks 1 of 260 arrays, first 'stem.conv.kernel'"),
        (lambda a: a.update(fc=np.zeros(2, np.float32)), "holds 1 arrays too many, first 'fc'"),
        (
            lambda a: a.update({"head.norm.bias": np.zeros(3, np.float32)}),
            r"'head.norm.bias' is float32\(3,\), not float32",
        ),
        (lambda a: a.update({"head.norm.bias": np.zeros(1280, np.float64)}), "'head.norm.bias' is float64"),
        (lambda a: a["head.norm.var"].fill(np.inf), "'head.norm.var' holds values that are not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused(on_disk, change, reason):
    forge_arrays(on_disk, change)
    assert_refusal(on_disk, reason)


def test_weights_of_the_other_network_are_refused(on_disk, tmp_path):
    random_backbone("efficientnet-lite0").save(tmp_path / "other")
    (on_disk / WEIGHTS).write_bytes((tmp_path / "other" / WEIGHTS).read_bytes())
    forge(on_disk)
    assert_refusal(on_disk, "lacks 15 of 260 arrays")


def test_numbers_that_numpy_has_no_type_for_are_refused(on_disk):
    header = json.dumps({"x": {"dtype": "F8_E5M2", "shape": [1], "data_offsets": [0, 1]}}).encode()
    (on_disk / WEIGHTS).write_bytes(len(header).to_bytes(8, "little") + header + b"\0")
    forge(on_disk)
    assert_refusal(on_disk, "is damaged|lacks 260")


def assert_refusal(path, reason):
    with pytest.raises(ModelFolderError, match=reason) as refusal:
        Backbone.load(path)
    assert "\n" not in str(refusal.value)
