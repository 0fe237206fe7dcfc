import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from random_networks import random_tagger

from avnet.captioners.features import ImageFeatures, grid_features, window_features
from avnet.errors import ConfigError
from avnet.tagger.network import TaggerConfig, TaggerNetwork, cross_entropy, log_odds, log_probability, noisy_or


def logit(p):
    return np.log(p / (1 - p))


def features_of(cells, mask=None):
    cells = np.asarray(cells, np.float32)
    mask = np.ones(cells.shape[:2], bool) if mask is None else np.asarray(mask)
    return ImageFeatures(cells, mask, np.zeros((*cells.shape[:2], 4), np.float32))


def test_an_image_has_a_word_unless_all_its_places_lack_it():
    # 1 - .5 * .8 * .9 = .64, and without the last place 1 - .5 * .8 = .6
    logits = logit(np.array([0.5, 0.2, 0.1], np.float32))[None, :, None]
    p = [1 - np.exp(-noisy_or(logits, np.array([mask]))) for mask in ([True, True, True], [True, True, False])]
    assert np.ravel(p) == pytest.approx([0.64, 0.6], abs=1e-6)


def test_probabilities_have_their_digits_near_zero_and_one():
    places = np.full((1, 4, 1), -40.0, np.float32)
    rare = noisy_or(places, np.ones((1, 4), bool))
    # Of four places with the probability e**-40 each, log(4) - 40; as a product of floats it would be log(0).
    assert float(log_probability(rare)[0, 0]) == pytest.approx(np.log(4) - 40, rel=1e-6)
    assert float(log_odds(rare)[0, 0]) == pytest.approx(np.log(4) - 40, rel=1e-6)
    certain = noisy_or(-places, np.ones((1, 4), bool))
    assert float(log_odds(certain)[0, 0]) == pytest.approx(160, rel=1e-6)


@pytest.mark.parametrize("logit", [-1e4, -200.0, -90.0, 0.0, 90.0, 1e4])
def test_the_loss_and_its_gradient_are_finite_whatever_the_logits(logit):
    def loss(logits):
        return cross_entropy(noisy_or(logits, jnp.ones((1, 3), bool)), jnp.array([[0.0, 0.4, 1.0]]))

    value, gradient = jax.value_and_grad(loss)(jnp.full((1, 3, 3), logit))
    assert np.isfinite(value) and np.isfinite(gradient).all()


def test_the_loss_is_the_cross_entropy_of_each_word_added_up():
    p, targets = np.array([[0.6, 0.9], [0.2, 0.5]]), np.array([[0.25, 1.0], [0.0, 0.5]])
    expected = -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).sum() / 2
    assert float(cross_entropy(jnp.asarray(-np.log(1 - p)), jnp.asarray(targets))) == pytest.approx(expected, rel=1e-6)


def test_training_begins_at_the_frequencies_of_words():
    network = TaggerNetwork(TaggerConfig(6, 3), rngs=nnx.Rngs(0))
    network.begin_at(np.array([0.0, 0.03, 0.7]), places=4)
    cells = np.random.default_rng(0).normal(size=(2, 4, 6))
    p = 1 - np.exp(-network.evidence(features_of(cells)))
    assert p == pytest.approx(np.array([[1e-6, 0.03, 0.7]] * 2), abs=1e-5)


def test_places_that_do_not_count_change_nothing():
    network, rng = random_tagger().network, np.random.default_rng(1)
    cells = rng.normal(size=(2, 5, 8)).astype(np.float32)
    mask = np.array([[True, True, True, False, False]] * 2)
    masked = network.evidence(features_of(cells, mask))
    cells[:, 3:] = 1e3
    assert network.evidence(features_of(cells, mask)) == pytest.approx(np.asarray(masked), rel=1e-6)
    assert network.evidence(features_of(cells[:, :3])) == pytest.approx(np.asarray(masked), rel=1e-5)


def test_the_whole_is_one_more_place():
    network = random_tagger().network
    cells = np.random.default_rng(2).normal(size=(1, 4, 8)).astype(np.float32)
    logits = network(features_of(cells))
    assert logits.shape == (1, 5, 3)
    alone = network(features_of(cells.mean(axis=1, keepdims=True)))
    assert logits[:, 4] == pytest.approx(np.asarray(alone[:, 0]), abs=1e-5)


def test_windows_are_places_too():
    grids = np.random.default_rng(3).normal(size=(2, 3, 3, 8)).astype(np.float32)
    network = random_tagger(regions="windows").network
    assert network(grid_features(grids)).shape == (2, 10, 3) and network(window_features(grids)).shape == (2, 31, 3)


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [((0, 3), "must be at least 1"), ((8, 0), "must be at least 1"), ((8, 3, "file"), "must be one of grid, snake")],
)
def test_impossible_sizes_are_refused(sizes, reason):
    with pytest.raises(ConfigError, match=reason):
        TaggerConfig(*sizes)
