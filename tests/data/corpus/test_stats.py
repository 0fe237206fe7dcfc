import json

import numpy as np
import pytest
from media.media_files import make_mute, make_video, tone
from PIL import Image

from avnet.errors import DataError
from data.corpus.config import PrepareConfig, StatsConfig
from data.corpus.prepare import prepare
from data.corpus.stats import quantiles, segment_levels, stats


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "films").mkdir()
    make_video(folder / "films" / "loud.mkv", 2.0, sound=tone(level=0.5))
    make_video(folder / "films" / "soft.mkv", 2.0, sound=tone(level=0.05))
    make_mute(folder / "films" / "mute.mp4")
    prepare(PrepareConfig((folder / "films",), folder / "out"))
    return folder / "out"


def test_levels_are_those_of_sound_and_image(records):
    # A sine of amplitude a has the power a ** 2 / 2.
    expected = [20 * np.log10(level) - 3.0103 for level in (0.05, 0.5)]
    loudness, motion = segment_levels(records)
    assert np.sort(loudness) == pytest.approx(expected, abs=0.1)
    # One second of the ramp is 25 frames of 4 grey levels.
    assert motion.max() == pytest.approx(100, abs=8)


def test_report_has_durations_loudness_rejects_and_a_figure(records, capsys):
    stats(StatsConfig(records))
    result = json.loads((records / "stats.json").read_text())
    assert result["seconds"]["0.5"] == pytest.approx(2.0, abs=0.1)
    assert result["rejects"] == {"NoAudioTrack": 1}
    assert "rejected: 1 NoAudioTrack" in capsys.readouterr().out
    with Image.open(records / "stats.png") as figure:
        assert np.asarray(figure.convert("L")).std() > 10


def test_quantiles_are_worked_out_by_hand():
    assert quantiles(np.arange(101.0)) == {"0.05": 5.0, "0.25": 25.0, "0.5": 50.0, "0.75": 75.0, "0.95": 95.0}
    assert quantiles(np.zeros(0)) == {}


def test_a_folder_that_was_not_prepared_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"manifest\.jsonl"):
        stats(StatsConfig(tmp_path))
