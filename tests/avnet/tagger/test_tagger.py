import json
from dataclasses import replace

import jax
import numpy as np
import pytest
from random_networks import random_backbone, random_tagger

import avnet
from avnet.errors import ConfigError, ModelFolderError
from avnet.tagger.tagger import Tagger
from avnet.tagger.vocabulary import NEVER, Vocabulary


def vocabulary_of(threshold, **changes):
    words = ("dog", "grass", "snow")
    return replace(Vocabulary.uncalibrated(words), threshold=np.array(threshold, np.float32), **changes)


@pytest.fixture(scope="module")
def tagger():
    return random_tagger()


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (*size, 3), np.uint8) for size in ((48, 64), (80, 50), (40, 40))]


def test_calibrated_probabilities_are_of_scaled_and_shifted_log_odds():
    vocabulary = vocabulary_of([0.5] * 3, slope=np.array([1.0, 2.0, 1.0]), shift=np.array([0.0, -1.0, 3.0]))
    # sigmoid(0) = 1/2, sigmoid(2 * .5 - 1) = 1/2, sigmoid(-3 + 3) = 1/2
    assert vocabulary.probabilities(np.array([[0.0, 0.5, -3.0]])) == pytest.approx(np.full((1, 3), 0.5))


def test_a_word_is_a_tag_above_its_threshold(tagger):
    own = Tagger(tagger.network, tagger.backbone, vocabulary_of([0.3, 0.8, NEVER]))
    p = np.array([[0.4, 0.7, 0.9], [0.3, 0.81, 1.0]])
    assert own.choose(p) == [{"dog": 0.4}, {"grass": 0.81}]
    assert own.choose(p, threshold=0.35) == [{"snow": 0.9, "grass": 0.7, "dog": 0.4}, {"snow": 1.0, "grass": 0.81}]
    assert own.choose(p, top=2) == [{"snow": 0.9, "grass": 0.7}, {"snow": 1.0, "grass": 0.81}]
    assert own.choose(p, threshold=0.75, top=2) == [{"snow": 0.9}, {"snow": 1.0, "grass": 0.81}]
    assert own.choose(np.full((1, 3), 0.9), threshold=0.5, top=2) == [{"dog": 0.9, "grass": 0.9}]
    assert list(own.choose(p, top=3)[0]) == ["snow", "grass", "dog"]


def test_tags_are_those_of_each_image_alone(tagger, images):
    together = tagger.tags(images, top=3)
    assert all(list(row.values()) == sorted(row.values(), reverse=True) for row in together)
    for image, row in zip(images, together, strict=True):
        (alone,) = tagger.tags([image], top=3)
        assert alone == pytest.approx(row, abs=1e-5)


def test_heatmaps_and_the_whole_make_the_probability(tagger, images):
    grids = tagger.backbone.grids(images[:1])
    maps = tagger.heatmaps(images[0], ["snow", "dog"])
    assert maps.shape == (2, 2, 2) and maps.shape[1:] == grids.shape[1:3]
    whole = jax.nn.sigmoid(tagger.network(tagger.features_of(grids)))[0, -1]
    p = tagger.probabilities(tagger.features(images[:1]))[0]
    for heatmap, number in zip(maps, (2, 0), strict=True):
        assert 1 - np.prod(1 - heatmap) * (1 - whole[number]) == pytest.approx(p[number], abs=1e-5)
    assert tagger.heatmap(images[0], "dog") == pytest.approx(maps[1])


def test_a_heatmap_lies_as_the_image_does(tagger, images):
    """A place of the image is the same place of the map: what is changed there changes the map there most."""
    image = np.zeros((32, 32, 3), np.uint8)
    other = image.copy()
    other[:12, 20:] = 255
    change = np.abs(tagger.heatmaps(other, ["dog", "grass"]) - tagger.heatmaps(image, ["dog", "grass"])).sum(axis=0)
    assert np.unravel_index(change.argmax(), change.shape) == (0, 1)


def test_windows_have_a_heatmap_over_the_grid(images):
    tagger = random_tagger(regions="windows")
    heatmap = tagger.heatmap(images[0], "dog")
    assert heatmap.shape == (2, 2) and 0 < heatmap.min() <= heatmap.max() < 1


def test_what_cannot_be_asked_is_refused(tagger, images):
    with pytest.raises(ConfigError, match="threshold: must be from 0 to 1"):
        tagger.tags(images, threshold=1.5)
    with pytest.raises(ConfigError, match="top: must be at least 1, got 0"):
        tagger.tags(images, top=0)
    with pytest.raises(ConfigError, match="none of the 3 that this tagger knows: 'cat'"):
        tagger.heatmap(images[0], "cat")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"words": ["dog", "dog", "snow"]}, "not distinct"),
        ({"words": ["dog", "", "snow"]}, "not distinct"),
        ({"words": ["dog", "../grass", "snow"]}, "not distinct"),
        ({"words": ["dog", "grass"]}, "do not fit together"),
        ({"slope": [1.0, 0.0, 1.0]}, "turns the order"),
        ({"shift": [0.0, float("nan"), 1.0]}, "not finite"),
        ({"threshold": [0.5, 1.5, 0.5]}, "no probabilities"),
    ],
)
def test_a_vocabulary_that_cannot_be_is_refused(change, reason):
    values = json.loads(vocabulary_of([0.5] * 3).to_json()) | change
    with pytest.raises(ValueError, match=reason):
        Vocabulary.of_json(values)


def test_a_tagger_is_read_as_it_was_written(tagger, images, tmp_path):
    own = Tagger(
        tagger.network, tagger.backbone, vocabulary_of([0.1, 0.2, NEVER], shift=np.array([0.5, 0.0, -1.0], np.float32))
    )
    own.save(tmp_path / "model")
    read = avnet.load(tmp_path / "model")
    assert isinstance(read, avnet.Tagger) and read.fingerprint == own.fingerprint != ""
    assert read.vocabulary.to_json() == own.vocabulary.to_json()
    assert read.tags(images) == own.tags(images)


def test_another_backbone_is_refused(tagger, tmp_path):
    tagger.save(tmp_path / "model")
    random_backbone("tower", 32, (4, 4, 6, 8), seed=1).save(tmp_path / "model" / "backbone")
    with pytest.raises(ModelFolderError, match="was made with backbone of another fingerprint"):
        avnet.load(tmp_path / "model")
