import jax.numpy as jnp
import numpy as np
import pytest
from random_networks import random_network

from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.correspondence import joint
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.joint import NAMELESS, NAMES
from avnet.correspondence.model import Model
from avnet.correspondence.zero_shot import FLOOR, group_weights, image_groups
from avnet.errors import ConfigError
from avnet.names.groups import GROUPS

PLACES = {group.name: place for place, group in enumerate(GROUPS)}
CONFIG = ModelConfig.on_backbones(
    "joint", BackboneConfig("mobilenetv2", 32, classes=1000), AudioBackboneConfig.yamnet(), embedding_size=2
)


@pytest.fixture(scope="module")
def network():
    network = random_network(CONFIG)
    network.eval()
    network.rescale_cells(agreement=8.0, evidence=0.5, shift=-3.0)
    return network


def cells_of(rng, count):
    learned = rng.normal(size=(count, 2, 3, 2)).astype(np.float32)
    groups = rng.dirichlet(np.ones(len(GROUPS)), (count, 2, 3)).astype(np.float32)
    return jnp.concatenate([jnp.asarray(learned), jnp.asarray(groups)], axis=-1)


def sources_of(rng, count):
    return jnp.asarray(rng.uniform(size=(count, 2 + len(GROUPS))), jnp.float32)


def test_the_cosine_of_embeddings_is_the_weighted_mean_of_both_parts(network):
    rng = np.random.default_rng(0)
    grids = jnp.asarray(rng.normal(size=(3, 1, 1, 1280)), jnp.float32)
    sounds = jnp.asarray(rng.normal(size=(3, 1024)), jnp.float32)
    images, embedded = np.asarray(network.project_images(grids)), np.asarray(network.project_sounds(sounds))
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(images[:, :2], axis=1) ** 2, 1 - NAMES, rtol=1e-4)
    groups = np.asarray(image_groups(network.vision.classify(grids)))[:, 0, 0]
    names = np.concatenate(
        [np.sqrt(group_weights()) * groups, np.full((3, 1), NAMELESS**0.5), np.zeros((3, 1))], axis=1
    )
    names /= np.linalg.norm(names, axis=1, keepdims=True)
    np.testing.assert_allclose(images[:, 2:], NAMES**0.5 * names, rtol=1e-4, atol=1e-6)


def test_what_has_no_name_is_near_nothing():
    learned = jnp.zeros((1, 2))
    groups = jnp.zeros((1, len(GROUPS)))
    image, sound = (np.asarray(joint._beside(learned, groups, own))[0] for own in ((1.0, 0.0), (0.0, 1.0)))
    assert image @ sound == 0
    dog = groups.at[0, PLACES["dog"]].set(0.9)
    image, sound = (np.asarray(joint._beside(learned, dog, own))[0] for own in ((1.0, 0.0), (0.0, 1.0)))
    evidence = 0.81 * float(group_weights()[PLACES["dog"]])
    np.testing.assert_allclose(image @ sound, NAMES * evidence / (evidence + NAMELESS), rtol=1e-5)


def test_log_odds_of_a_cell_are_worked_out_by_hand(network):
    place = PLACES["chainsaw"]
    whole, sound = [0.6, 0.8], [1.0, 0.0]
    cells = jnp.zeros((1, 1, 1, 2 + len(GROUPS))).at[0, 0, 0, :2].set(jnp.array(whole))
    cells = cells.at[0, 0, 0, 2 + place].set(0.5)
    source = jnp.zeros((1, 2 + len(GROUPS))).at[0, :2].set(jnp.array(sound)).at[0, 2 + place].set(0.4)
    evidence = 0.5 * 0.4 * float(group_weights()[place])
    expected = 8.0 * 0.6 + 0.5 * np.log(evidence + FLOOR) - 3.0
    np.testing.assert_allclose(network.response(cells, source)[0, 0, 0], expected, rtol=1e-5)
    by_group = network.group_response(cells, source)[0, 0, 0]
    np.testing.assert_allclose(by_group[place], expected, rtol=1e-5)
    np.testing.assert_allclose(by_group[PLACES["violin"]], 8.0 * 0.6 + 0.5 * np.log(FLOOR) - 3.0, rtol=1e-5)
    np.testing.assert_allclose(network.source_groups(source)[0, place], 0.4, rtol=1e-6)


def test_the_best_agreements_are_those_of_the_highest_cell(network):
    rng = np.random.default_rng(1)
    cells, sources = cells_of(rng, 3), sources_of(rng, 2)
    best = np.asarray(network.best_agreements(cells, sources))
    assert best.shape == (3, 2, 2)
    for i, j in np.ndindex(3, 2):
        highest = network.response(cells[i : i + 1], sources[j : j + 1]).max()
        np.testing.assert_allclose(best[i, j] @ [8.0, 0.5] - 3.0, highest, rtol=1e-4)


def test_one_model_embeds_for_search_and_has_heatmaps(network, tmp_path):
    Model(CONFIG, network).save(tmp_path / "model")
    model = Model.load(tmp_path / "model")
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (32, 48, 3), dtype=np.uint8)
    clip = rng.normal(0, 0.1, (1, CONFIG.clip_samples)).astype(np.float32)
    assert model.embed_images([image]).shape == model.embed_waveforms(clip).shape == (1, 4 + len(GROUPS))
    (grid,) = model.heatmaps([image], clip)
    assert grid.ndim == 2
    assert ((grid >= 0) & (grid <= 1)).all()
    matrix = model.log_odds_matrix([image], clip)
    cosine = model.embed_images([image]) @ model.embed_waveforms(clip).T
    np.testing.assert_allclose(model.match_probabilities(cosine[0]), 1 / (1 + np.exp(-matrix[0])), rtol=1e-3)


def test_backbones_without_classifiers_are_refused():
    with pytest.raises(ConfigError, match="joint: takes two backbones that keep their classifiers"):
        ModelConfig.on_backbones("joint", BackboneConfig.mobilenetv2(32), AudioBackboneConfig.yamnet())
    with pytest.raises(ConfigError, match="joint: takes two backbones"):
        ModelConfig(network="joint")
