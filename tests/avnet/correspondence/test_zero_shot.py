import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.correspondence import zero_shot
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.zero_shot import ZeroShotNet, group_weights, image_groups, sound_groups
from avnet.errors import ConfigError
from avnet.names.audioset import AUDIOSET
from avnet.names.groups import GROUPS
from avnet.names.imagenet import IMAGENET

PLACES = {group.name: place for place, group in enumerate(GROUPS)}
VISION = BackboneConfig("mobilenetv2", 64, classes=1000)
AUDIO = AudioBackboneConfig.yamnet()


@pytest.fixture(scope="module")
def network():
    """Its towers have shapes in place of weights: what follows them is all that is asked here."""
    config = ModelConfig.zero_shot(VISION, AUDIO)
    network = nnx.eval_shape(lambda: ZeroShotNet(config, rngs=nnx.Rngs(0)))
    network.scale, network.shift = nnx.Param(jnp.asarray(2.0)), nnx.Param(jnp.asarray(-1.0))
    return network


def sounds(**probabilities):
    scores = np.zeros(521, np.float32)
    for name, probability in probabilities.items():
        scores[AUDIOSET.index[name.replace("_", " ")]] = probability
    return np.asarray(sound_groups(jnp.asarray(scores)))


def test_a_cell_of_a_beagle_shows_a_dog_and_an_animal():
    logits = np.zeros(1000, np.float32)
    logits[IMAGENET.index["beagle"]] = 20.0
    # Softmax at temperature 2: e^10 against 999 classes of e^0, of which 118 are other dogs or a sled.
    total = np.exp(10.0) + 999
    probabilities = np.asarray(image_groups(jnp.asarray(logits)))
    others = {name: round(float(probabilities[PLACES[name]]) * total) for name in ("cat", "chainsaw")}
    assert others == {"cat": 5, "chainsaw": 1}
    np.testing.assert_allclose(probabilities[PLACES["dog"]], (np.exp(10.0) + 118) / total, rtol=1e-5)
    assert probabilities[PLACES["animal"]] > probabilities[PLACES["dog"]]


def test_a_bark_is_a_dogs_and_no_other_animals():
    groups = sounds(Dog=0.7, Bark=0.9, Animal=0.95)
    # The largest of a group's own classes; of the wide one what the narrower leaves.
    np.testing.assert_allclose(groups[PLACES["dog"]], 0.9, rtol=1e-6)
    np.testing.assert_allclose(groups[PLACES["animal"]], 0.95 - 0.9, rtol=1e-5)
    assert groups[PLACES["cat"]] == groups[PLACES["canine"]] == 0.0


def test_an_animal_that_was_not_said_of_which_kind_is_any():
    groups = sounds(Animal=0.8, Meow=0.1)
    np.testing.assert_allclose(groups[[PLACES["animal"], PLACES["cat"]]], [0.7, 0.1], rtol=1e-5)


def test_rare_groups_weigh_more():
    weights = np.asarray(group_weights())
    # One class of either side: 1 / sqrt(1 / 1000 * 1 / 521).
    np.testing.assert_allclose(weights[PLACES["chainsaw"]], np.sqrt(521_000), rtol=1e-5)
    assert weights[PLACES["person"]] < weights[PLACES["dog"]] < weights[PLACES["violin"]]


def test_log_odds_are_worked_out_by_hand(network):
    place = PLACES["chainsaw"]
    grids = jnp.zeros((1, 1, 2, len(GROUPS))).at[0, 0, 0, place].set(0.5)
    audible = jnp.zeros((1, len(GROUPS))).at[0, place].set(0.4)
    evidence = np.array([0.5 * 0.4 * np.sqrt(521_000), 0.0])
    expected = 2.0 * np.log(evidence + zero_shot.FLOOR) - 1.0
    np.testing.assert_allclose(network.response(grids, audible)[0, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(network.score(grids, audible), expected[:1], rtol=1e-5)


def test_each_group_alone_has_log_odds_of_its_own(network):
    grids = jnp.full((1, 1, 1, len(GROUPS)), 0.01)
    audible = jnp.zeros((1, len(GROUPS))).at[0, jnp.array([PLACES["dog"], PLACES["cat"]])].set(0.5)
    odds = network.group_response(grids, audible)[0, 0, 0]
    weights = group_weights()
    for name in ("dog", "cat"):
        expected = 2.0 * np.log(0.01 * 0.5 * float(weights[PLACES[name]]) + zero_shot.FLOOR) - 1.0
        np.testing.assert_allclose(odds[PLACES[name]], expected, rtol=1e-5)
    np.testing.assert_allclose(odds[PLACES["violin"]], 2.0 * np.log(zero_shot.FLOOR) - 1.0, rtol=1e-5)


def test_a_matrix_holds_the_score_of_every_pair(network):
    rng = np.random.default_rng(0)
    grids = jnp.asarray(rng.dirichlet(np.ones(len(GROUPS)), (3, 2, 2)), jnp.float32)
    audible = jnp.asarray(rng.uniform(size=(2, len(GROUPS))), jnp.float32)
    matrix = network.score_matrix(grids, audible)
    for i, j in np.ndindex(3, 2):
        np.testing.assert_allclose(matrix[i, j], network.score(grids[i : i + 1], audible[j : j + 1])[0], rtol=1e-5)


def test_silence_has_finite_log_odds_and_gradients(network):
    grids = jnp.zeros((1, 1, 1, len(GROUPS)))
    assert np.isfinite(network.score(grids, jnp.zeros((1, len(GROUPS))))).all()
    gradient = jax.grad(lambda logits: sound_groups(jax.nn.sigmoid(logits)).sum())(jnp.full((521,), -100.0))
    assert np.isfinite(gradient).all()


def test_the_configuration_is_saved_and_wants_two_classifiers():
    config = ModelConfig.zero_shot(VISION, AUDIO)
    assert ModelConfig.from_dict(config.to_dict()) == config
    assert config.features == len(GROUPS) and config.clip_s == 2.0 and config.title == "Zero-shot"
    without = (BackboneConfig.mobilenetv2(64), AUDIO), (VISION, AudioBackboneConfig.yamnet(classes=0))
    for vision, audio in without:
        with pytest.raises(ConfigError, match="zero-shot: takes two backbones that keep their classifiers"):
            ModelConfig.zero_shot(vision, audio)
    with pytest.raises(ConfigError, match="zero-shot: takes two backbones"):
        ModelConfig(network="zero-shot")
