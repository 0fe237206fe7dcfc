import jax.numpy as jnp
import numpy as np
import pytest
from random_networks import random_network

from avnet.audio.spectrogram import log_spectrogram
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.heatmaps.by_class import ClassHeatmaps, prominent
from avnet.correspondence.heatmaps.refinement import Refinement
from avnet.correspondence.model import Model
from avnet.names.groups import GROUPS


@pytest.fixture(scope="module")
def model():
    vision = BackboneConfig("mobilenetv2", 32, classes=1000)
    config = ModelConfig.on_backbones("zero-shot", vision, AudioBackboneConfig.yamnet(), embedding_size=len(GROUPS))
    return Model(config, random_network(config))


def test_a_group_is_told_beside_the_best_if_it_is_somewhere_half_as_probable():
    # A real bark with what a classifier says beside it; a shot is short, and a dog is not always a pig.
    moments = [{"dog": 0.9, "pig": 0.27}, {"dog": 0.8}, {"dog": 0.3, "gun": 0.46}, {"dog": 0.9, "pig": 0.2}]
    assert prominent(moments) == ["dog", "gun"]
    assert prominent([*moments, {"pig": 0.45}]) == ["dog", "pig", "gun"]
    assert prominent([{}, {"wind": 0.11}]) == ["wind"]
    assert prominent([]) == prominent([{}]) == []


def test_maps_side_by_side_are_told_apart_in_order():
    maps = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    named = ClassHeatmaps.of_maps(maps, {"dog": 0.9, "cat": 0.2})
    np.testing.assert_array_equal(named.heatmap, maps[..., 0])
    assert list(named.by_class) == ["dog", "cat"]
    np.testing.assert_array_equal(named.by_class["cat"], maps[..., 2])


def test_each_group_has_the_heatmap_that_the_network_gives_it_and_images_are_encoded_once(model, monkeypatch):
    random = np.random.default_rng(0)
    images = list(random.integers(0, 256, (2, 32, 48, 3), np.uint8))
    waveforms = random.normal(0, 0.1, (2, model.config.clip_samples)).astype(np.float32)
    refinement = Refinement(fine=True, flips=True, object_prior=0.25)
    whole = model.heatmaps(images, waveforms, refinement)
    encode, passes = model._encode_cells_jit, []
    monkeypatch.setitem(model.__dict__, "_encode_cells_jit", lambda x: passes.append(x.shape) or encode(x))
    named = model.class_heatmaps(images, waveforms, refinement)
    # Two sizes, each with its mirror image; one pass for the whole sound and every group.
    assert [shape[1:3] for shape in passes] == [(32, 48), (64, 96)] * 2
    spectrograms = log_spectrogram(jnp.asarray(waveforms), model.config.spectrogram)
    sources = np.asarray(model.network.encode_sources(spectrograms))
    for grid, maps, row in zip(whole, named, sources, strict=True):
        np.testing.assert_allclose(maps.heatmap, grid, atol=1e-6)
        assert len(maps.by_class) > 3 and list(maps.probabilities) == list(maps.by_class)
        expected = {GROUPS[i].name: row[i] for i in np.argsort(-row, kind="stable") if row[i] >= 0.1}
        assert list(maps.probabilities) == list(expected)
        np.testing.assert_allclose(list(maps.probabilities.values()), list(expected.values()), atol=1e-5)
    plain = model.class_heatmaps(images, waveforms, Refinement(fine=False))
    cells = np.asarray(model.network.encode_cells(jnp.asarray(np.stack(images), jnp.float32) / 255))
    by_group = 1 / (1 + np.exp(-np.asarray(model.network.group_response(jnp.asarray(cells), jnp.asarray(sources)))))
    for i, maps in enumerate(plain):
        for name, grid in maps.by_class.items():
            place = next(k for k, group in enumerate(GROUPS) if group.name == name)
            np.testing.assert_allclose(grid, by_group[i, ..., place], atol=1e-4)
