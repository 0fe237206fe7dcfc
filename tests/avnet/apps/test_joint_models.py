"""A model for heatmaps and for search, in use: vectors that are longer than the learned part."""

import pytest
from media.media_files import make_video, ramp, tone
from random_networks import random_network

import avnet
from avnet.apps.index import index_files
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.index.index import Index


@pytest.fixture(scope="module")
def model():
    vision = BackboneConfig("mobilenetv2", 32, classes=1000)
    config = ModelConfig.on_backbones("joint", vision, AudioBackboneConfig.yamnet(), embedding_size=2)
    return Model(config, random_network(config))


def test_one_model_indexes_searches_and_localizes(model, tmp_path):
    film = tmp_path / "film.mkv"
    make_video(film, 3.0, ramp(size=(64, 48)), tone(500))
    index_files(model, tmp_path / "index", [film])
    assert Index.open(tmp_path / "index").embedding_size == model.config.features > 2
    answers = avnet.search(model, tmp_path / "index", video=film).answers
    assert {match.kind for answer in answers for match in answer.matches} == {"image", "sound"}
    result = avnet.localize(model, film, options=avnet.LocalizeOptions(fps=1, fine=False))
    assert len(result.heatmaps) == 3
