import numpy as np
import pytest

from avnet import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import DataError
from data.records.jpeg import encode_jpeg
from data.records.segment import Segment
from eval.correspondence import pairs

RATE = 48_000


class Listener(Model):
    """Only its configuration is asked for."""

    def __init__(self):
        self.config = ModelConfig.small("ave")


def segment(i, video, sample_rate=RATE):
    """Three seconds of a constant level, with a frame at every half second."""
    frames = [encode_jpeg(np.full((20, 20, 3), 40 * i, np.uint8), 90)] * 5
    at = np.arange(1, 6) * sample_rate // 2
    sound = np.full(3 * sample_rate, 1000 * (i + 1), np.int16)
    return Segment(f"{i}.mp4", video, 0.0, frames, at, 0.04 * sample_rate, sound, sample_rate)


@pytest.fixture
def corpus(monkeypatch):
    """Puts segments in place of a folder of records."""

    def put(*segments):
        monkeypatch.setattr("data.records.listing.open_split", lambda data, split, sample_rate: list(segments))

    return put


def test_pairs_are_as_long_as_the_model_needs(corpus, tmp_path):
    corpus(segment(0, "a"), segment(1, "b"), segment(2, "b"))
    model = Listener()
    result = pairs.evaluation_pairs(model, tmp_path, "test")
    assert len(result.names) == 2
    assert result.waveforms.shape == (2, model.config.clip_samples)
    mixed_pairs = pairs.correspondence_pairs(model, tmp_path, "test", snap=True, seed=0)
    assert mixed_pairs.waveforms.shape == (6, model.config.clip_samples)
    np.testing.assert_array_equal(mixed_pairs.labels, [1, 0] * 3)


def test_retrieval_from_a_single_video_is_refused(corpus, tmp_path):
    corpus(segment(0, "a"), segment(1, "a"))
    with pytest.raises(DataError, match="retrieval needs two"):
        pairs.evaluation_pairs(Listener(), tmp_path, "test")
