"""Heatmaps as they come: what is told before the end is what the result holds."""

from dataclasses import replace

import numpy as np
import pytest
from media.media_files import make_video, ramp, tone
from PIL import Image
from random_networks import random_network

import avnet
from avnet.apps.localize import AWAITED_BATCH
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.nn import batching


@pytest.fixture(scope="module")
def model():
    config = replace(ModelConfig.small("avol"), image_size=32, widths=(4, 4, 8, 8), embedding_size=8)
    return Model(config, random_network(config))


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    file = tmp_path_factory.mktemp("films") / "film.mkv"
    make_video(file, 4.0, ramp(size=(64, 48)), tone(500))
    return file


def test_moments_are_the_result_part_by_part_and_the_result_is_the_same(model, film):
    options, batches = avnet.LocalizeOptions(fps=5, fine=False), []
    result = avnet.localize(model, film, options=options, on_moments=batches.append)
    plain = avnet.localize(model, film, options=options)
    assert [len(batch.times) for batch in batches] == [AWAITED_BATCH] * 5 and AWAITED_BATCH == 4
    np.testing.assert_array_equal(np.concatenate([batch.times for batch in batches]), result.times)
    np.testing.assert_array_equal(np.concatenate([batch.heatmaps for batch in batches]), result.heatmaps)
    assert sum((batch.verdicts for batch in batches), ()) == result.verdicts
    np.testing.assert_array_equal(result.times, plain.times)
    np.testing.assert_allclose(result.heatmaps, plain.heatmaps, atol=1e-6)
    assert [verdict.verdict for verdict in result.verdicts] == [verdict.verdict for verdict in plain.verdicts]


def test_moments_come_before_the_film_is_read_to_its_end(model, film):
    events = []
    options = avnet.LocalizeOptions(fps=5, fine=False)
    avnet.localize(model, film, options=options, on_event=events.append, on_moments=events.append)
    kinds = [type(event).__name__ for event in events]
    assert kinds.index("Moments") == AWAITED_BATCH and "Moments" in kinds[-2:]


def test_who_waits_never_waits_for_another_size_of_batch(model, film, monkeypatch):
    sizes, real = set(), batching.batch_size
    monkeypatch.setattr(batching, "batch_size", lambda total, largest: sizes.add(total) or real(total, largest))
    options = avnet.LocalizeOptions(fps=5, fine=False)
    avnet.localize(model, film, options=options, on_moments=lambda moments: None)
    assert sizes == {AWAITED_BATCH}


def test_an_image_is_one_moment(model, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)).save(tmp_path / "dog.png")
    sound, batches = np.random.default_rng(1).normal(0, 0.1, 96_000).astype(np.float32), []
    result = avnet.localize(model, tmp_path / "dog.png", sound, on_moments=batches.append)
    (batch,) = batches
    np.testing.assert_array_equal(batch.heatmaps, result.heatmaps)
    assert batch.verdicts == result.verdicts and batch.times.tolist() == result.times.tolist()
