import numpy as np
import pytest
from media.media_files import make_mute, make_video

from avnet.errors import ConfigError, NoAudioTrack, TooShort
from eval.speed.config import DecodingConfig
from eval.speed.decoding import decoding, one_pass, seek_per_frame


def test_every_way_is_measured_and_compared(tmp_path, capsys):
    medians = decoding(DecodingConfig(make_video(tmp_path / "film.mp4", 3.0), frames=3, rounds=2))
    assert {"one pass", "seek per frame"} <= medians.keys() and all(value > 0 for value in medians.values())
    output = capsys.readouterr().out
    assert "CPU ms for 3 frames with sound" in output and "of seek per frame" in output


def test_ways_take_any_order_of_times(tmp_path):
    path = make_video(tmp_path / "film.mp4", 3.0)
    for way in (one_pass, seek_per_frame):
        way(path, np.array([2.5, 0.7, 1.1]))


def test_what_cannot_be_measured_is_refused(tmp_path):
    with pytest.raises(NoAudioTrack):
        decoding(DecodingConfig(make_mute(tmp_path / "mute.mp4")))
    with pytest.raises(TooShort):
        decoding(DecodingConfig(make_video(tmp_path / "short.mp4", 1.0)))
    with pytest.raises(ConfigError):
        decoding(DecodingConfig(tmp_path / "film.mp4", frames=0))
