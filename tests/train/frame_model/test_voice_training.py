"""Training of a voice that needs no corpus beside it."""

import json
from typing import Any

import numpy as np
import pytest
from spoken.vowels import vowel_strings

from avnet.errors import ConfigError, TrainingError
from avnet.synthesizers.frame_model.config import RATES
from avnet.synthesizers.frame_model.voice import FrameVoice
from avnet.units.strings import UnitString
from train.engine import loop
from train.frame_model.batches import FRAMES, STRETCH, Example, examples_of, stretches
from train.frame_model.config import VoiceTrainConfig
from train.frame_model.program import Speaking


def numbered(units: list[int], durations: list[int]) -> Example:
    """Every column of a frame holds the number of its unit."""
    starts = np.cumsum(durations) - durations
    columns = np.repeat(np.repeat(units, durations), 2)[:, None] * np.ones((1, 32))
    return Example(UnitString(np.array(units), starts, sum(durations)), columns.astype(np.float32))


NOTHING = UnitString(np.zeros(0, np.int64), np.zeros(0, np.int64), 0)


def test_frames_of_a_stretch_are_those_of_its_units():
    rng = np.random.default_rng(0)
    units, durations = rng.integers(1, 9, 200).tolist(), rng.integers(1, 9, 200).tolist()
    batch = stretches([numbered(units, durations), numbered([7, 3], [2, 4])], "source-filter", 0, 3, 8)
    assert batch["units"].shape == (8, STRETCH) and batch["columns"].shape == (8, 2 * FRAMES, 32)
    for own, lengths, columns, mask in zip(*(batch[n] for n in ("units", "durations", "columns", "mask")), strict=True):
        wanted = np.repeat(np.repeat(own, lengths), 2)[: 2 * FRAMES]
        assert np.array_equal(columns[mask][:, 0], wanted) and not columns[~mask].any()
    again = stretches([numbered(units, durations), numbered([7, 3], [2, 4])], "source-filter", 0, 3, 8)
    assert all(np.array_equal(again[name], batch[name]) for name in batch)


def test_recordings_are_measured_in_time_with_their_units():
    waveforms, strings = vowel_strings(2)
    for parameters, rate in RATES.items():
        examples = examples_of([*waveforms, waveforms[0]], [*strings, NOTHING], 1, parameters)
        assert [len(one.columns) for one in examples] == [rate * string.frames for string in strings]
        assert all(np.isfinite(one.columns).all() for one in examples)


def test_what_units_sound_like_is_learned(tmp_path):
    rng = np.random.default_rng(0)
    examples = [numbered(rng.permutation(4).tolist() * 2, rng.integers(2, 9, 8).tolist()) for _ in range(12)]
    options = {"steps": 40, "batch_size": 4, "validate_every": 20, "learning_rate": 1e-2, "width": 16}
    config = VoiceTrainConfig(tmp_path, tmp_path, tmp_path / "run", **options)
    model = loop.train(config.out, config, lambda _: Speaking(config, examples, 4, "f" * 64))
    voice = FrameVoice.load(model, "f" * 64)
    said = voice.frames(examples[0].string.units, examples[0].string.durations)
    # The mean of 0 to 3 is 1 off.
    assert np.abs(said - examples[0].columns).mean() < 0.5
    figures = [json.loads(line) for line in (config.out / "metrics.jsonl").read_text().splitlines()]
    errors = [row["frames"] for row in figures if row["kind"] == "validation"]
    assert len(errors) == 2 and errors[1] < errors[0]


def test_too_little_speech_and_wrong_options_are_refused(tmp_path):
    config = VoiceTrainConfig(tmp_path, tmp_path, tmp_path / "run")
    with pytest.raises(TrainingError, match="at least two"):
        Speaking(config, [numbered([1], [2])], 4, "f")
    options: tuple[dict[str, Any], ...] = ({"width": 0}, {"max_recordings": -1}, {"learning_rate": 1.0})
    for wrong in options:
        with pytest.raises(ConfigError):
            VoiceTrainConfig(tmp_path, tmp_path, tmp_path, **wrong)
