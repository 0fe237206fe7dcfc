"""A text describer of random weights: what it writes, of which words, of which part of an image."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from one_of_each import save_text_describer, text_parts, tower

from avnet.captioners.features import ImageFeatures, grid_boxes
from avnet.describer.caption_memory import CaptionMemory
from avnet.describer.guards import REGION_PIECES
from avnet.describer.text_describer import TextDescriber, TextSettings
from avnet.errors import ConfigError, DataError, OptionError

CELLS = 4


def describer(words=("", "a", "dog", "does", "n't", "run"), **sizes: Any) -> TextDescriber:
    parts = replace(text_parts(pieces=len(words), **sizes), words=words)
    return TextDescriber(replace(parts, guards=replace(parts.guards, longest=30, repeated=30)), tower())


def features(images: int) -> ImageFeatures:
    cells = np.random.default_rng(0).normal(size=(images, CELLS, 8)).astype(np.float32)
    boxes = np.broadcast_to(grid_boxes(2, 2), (images, CELLS, 4))
    return ImageFeatures(cells, np.ones((images, CELLS), bool), boxes)


@pytest.mark.parametrize("method", ["beam", "sample"])
def test_alternatives_differ_and_their_probabilities_are_shares_of_the_likelihood(method):
    one = describer()
    for several in one.alternatives(features(3), TextSettings(method=method, candidates=5, consensus=0)):
        assert 1 < len(several) <= 5 and len({found.text for found in several}) == len(several)
        assert sum(found.probability for found in several) == pytest.approx(1)
        for found in several[1:]:
            odds = np.exp(found.log_probability - several[0].log_probability)
            assert found.probability / several[0].probability == pytest.approx(odds)
        scores = [found.log_probability / (len(found.words) + 1) for found in several]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= found.confidence <= 1 and found.region is None for found in several)


def test_descriptions_agree_with_what_is_written_of_similar_images():
    likeliest = describer()
    (several,) = likeliest.alternatives(features(1), TextSettings(consensus=0))
    last = several[-1]
    written = [np.array([likeliest.vocabulary.index(word) for word in last.words])]
    parts = replace(likeliest.parts, memory=CaptionMemory.of([*written, np.array([4])], np.array([1, 0])))
    (chosen,) = TextDescriber(parts, likeliest.backbone).alternatives(features(1), TextSettings(consensus=1e3))
    assert chosen[0].text == last.text and {one.text for one in chosen} == {one.text for one in several}
    (one,) = TextDescriber(parts, likeliest.backbone).describe([np.zeros((64, 64, 3), np.uint8)])
    assert one.text == one.alternatives[0].text


def test_each_word_looks_at_every_place_and_contractions_are_one_in_the_text():
    (several,) = describer(words=("", "n't", "is", "'s")).alternatives(features(1), TextSettings(candidates=20))
    for found in several:
        assert found.attention is not None and found.attention.shape == (len(found.words), CELLS)
        assert found.attention.sum(axis=1) == pytest.approx(np.ones(len(found.words)), abs=1e-4)
        assert " n't" not in found.text and " 's" not in found.text
    assert any("isn't" in found.text for found in several)


def test_the_word_for_all_rare_ones_is_never_written_however_likely_it_is(monkeypatch):
    one = describer()
    network = type(one.parts.network)
    plain = network.log_probabilities

    def eager(self, *arguments):
        return plain(self, *arguments).at[..., 0].set(0.0)

    monkeypatch.setattr(network, "log_probabilities", eager)
    for settings in (TextSettings(), TextSettings(method="sample", temperature=0.0)):
        for several in one.alternatives(features(2), settings):
            assert all(found.words and "" not in found.words for found in several)
            assert all(len(found.words) >= len(found.text.split()) for found in several)


def test_a_part_of_an_image_is_described_from_its_own_places_in_a_few_words():
    one, whole = describer(), features(1)
    left = TextSettings(region=(0.0, 0.0, 0.5, 1.0), reward=100.0)
    (several,) = one.alternatives(whole, left)
    found = several[0]
    assert found.region == left.region and len(found.words) == REGION_PIECES and found.reason == "limit"
    assert found.attention is not None and not found.attention[:, [1, 3]].any()
    # What lies outside changes nothing.
    other = whole._replace(cells=whole.cells * np.array([1, 5, 1, -3], np.float32)[:, None])
    ((again, *_),) = one.alternatives(other, left)
    assert again.text == found.text and again.log_probability == pytest.approx(found.log_probability, abs=1e-4)
    assert again.confidence == pytest.approx(found.confidence)
    with pytest.raises(ConfigError, match="region"):
        TextSettings(region=(0.5, 0.0, 0.5, 1.0))


def test_a_folder_describes_as_what_was_saved_and_boxes_are_of_whole_images(tmp_path):
    save_text_describer(tmp_path / "model")
    one = TextDescriber.load(tmp_path / "model")
    image = np.random.default_rng(0).integers(0, 255, (48, 96, 3), np.uint8)
    first, second = one.describe([image, image[:, ::-1]], names=["a", None])
    assert first.text == first.alternatives[0].text and set(first.words) <= {"a", "dog", "runs"}
    assert first.boxes[:, 0].min() == pytest.approx(0.25) and first.boxes[:, 2].max() == pytest.approx(0.75)
    again = TextDescriber(text_parts(), tower())
    assert next(again.describe([image])).log_probability == pytest.approx(first.log_probability, abs=1e-4)
    assert second.text  # a batch of two is two images


def test_regions_of_a_file_are_seen_where_it_learned_from_them(tmp_path):
    one, image = describer(regions="file"), np.zeros((40, 80, 3), np.uint8)
    rng = np.random.default_rng(0)
    boxes = np.array([[0, 0, 40, 40], [40, 0, 80, 40], [10, 10, 30, 30]], np.float32)
    (tmp_path / "regions").mkdir()
    np.savez(tmp_path / "regions" / "garden.npz", features=rng.normal(size=(3, 8)).astype(np.float32), boxes=boxes)
    with pytest.raises(OptionError, match="is missing: this describer learned from regions"):
        one.use_regions(None)
    one.use_regions(tmp_path / "regions")
    (found,) = one.describe([image], names=["images/garden.jpg"])
    # Without the places that fill up the batch.
    assert found.boxes == pytest.approx(boxes / [80, 40, 80, 40]) and found.attention is not None
    assert found.attention.shape == (len(found.words), 3)
    with pytest.raises(DataError, match="has no regions of the image"):
        next(one.describe([image], names=["other.jpg"]))
    with pytest.raises(OptionError, match="the names of images"):
        next(one.describe([image]))
    with pytest.raises(OptionError, match="this one sees cells of a grid"):
        describer().use_regions(tmp_path / "regions")


def test_settings_that_cannot_be_are_refused():
    for change in ({"method": "best"}, {"candidates": 65}, {"top_k": 0}, {"temperature": -1.0}, {"reward": 101.0}):
        with pytest.raises(ConfigError):
            TextSettings(**cast(dict[str, Any], change))
