"""Models that see more of a moment than an image, in use."""

from dataclasses import replace

import numpy as np
import pytest
from extras import need
from media.media_files import make_video, ramp, tone
from random_networks import random_network

import avnet
from avnet.apps.embed import EmbedOptions, embed
from avnet.apps.index import index_files
from avnet.audio.config import SpectrogramConfig
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import ConfigError
from avnet.export.folder import write
from avnet.media.video import read_frames
from avnet.moments.walk import moment_at

FRONT = SpectrogramConfig(sample_rate=8_000, win_length=256, hop_length=128, n_fft=256, n_mels=16, f_max=4_000.0)
TINY = ModelConfig(image_size=32, widths=(4, 5, 6, 7), embedding_size=8, spectrogram=FRONT)
# Of the papers' towers, and of a backbone.
SEEN = [{"frames": 15}, {"flow_fields": 4}, {"frames": 3, "vision": BackboneConfig.tower(32, (4, 5, 6, 7))}]
IDS = ["frames", "flow", "frames on a backbone"]


def model_of(network, **options):
    config = replace(TINY, network=network, **options)
    return Model(config, random_network(config))


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "ramp.mkv"
    make_video(path, 2.0, ramp(size=(64, 48)), tone(500))
    return path


@pytest.mark.parametrize("options", SEEN, ids=IDS)
def test_a_video_is_localized_embedded_and_searched(film, tmp_path, options):
    if "flow_fields" in options:
        need("cv2")
    avol, ave = model_of("avol", **options), model_of("ave", **options)
    result = avnet.localize(avol, film, options=avnet.LocalizeOptions(fps=2))
    assert result.heatmaps.shape == (4, 2, 2)
    _, array = moment_at(film, 0.5, avol.config.moment, 32)
    waveform = next(result.sound.clips([0.5], 1.0))
    np.testing.assert_allclose(result.heatmaps[1], avol.heatmaps([array], waveform[None])[0], atol=1e-5)

    embeddings = embed(ave, [film], EmbedOptions(every=0.5))
    assert embeddings.kinds.count("image") == 3
    np.testing.assert_allclose(embeddings.vectors[0], ave.embed_images([array])[0], atol=1e-5)
    index_files(ave, tmp_path / "index", [film])
    answers = avnet.search(ave, tmp_path / "index", video=film).answers
    assert {match.kind for answer in answers for match in answer.matches} == {"image", "sound"}


def test_a_still_image_is_a_moment_in_which_nothing_moves(film):
    image, clip = read_frames(film, [1.0]).images[0], np.zeros((1, 8_000), np.float32)
    for options in SEEN:
        model = model_of("avol", **options)
        expected = model.heatmaps([model.config.moment.of_image(image)], clip)[0]
        np.testing.assert_array_equal(avnet.localize(model, image, clip[0] + 0.1).heatmaps.shape[1:], expected.shape)
        np.testing.assert_allclose(model.heatmaps([image], clip)[0], expected, atol=1e-6)


@pytest.mark.parametrize("options", SEEN, ids=IDS)
def test_a_folder_and_an_export_keep_what_is_seen(tmp_path, options):
    model = model_of("ave", **options)
    model.save(tmp_path / "model")
    opened = avnet.load(tmp_path / "model")
    assert opened.config == model.config
    if model.config.vision is None:
        with pytest.raises(ConfigError, match=r"AVE\+(MF|OF): sees more of a moment than an image"):
            _ = opened.image_backbone
    else:
        assert opened.image_backbone.config == model.config.vision
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, model.config.moment.channels)).astype(np.uint8)
    expected = opened.embed_images(images)
    write(tmp_path / "jax", model.network, model.fingerprint)
    np.testing.assert_allclose(avnet.load(tmp_path / "jax").image_encoder(images), expected, atol=1e-5)
    need("onnx")
    need("onnxruntime")
    write(tmp_path / "onnx", model.network, model.fingerprint, "onnx")
    np.testing.assert_allclose(avnet.load(tmp_path / "onnx").image_encoder(images), expected, atol=1e-5)
